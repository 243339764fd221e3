// The calls that the host does: products through its BLAS, and convolutions and learning rules as products.
#pragma once

#include "host.hpp"

namespace grilly {

// c (batch, m, n) = op(a) op(b) [+ bias]; biased 1: (n,) in each row, 2: (m, n). form 0: a (m, k), b (k, n); 1: b (n, k); 2: a (k, m).
// a_batch and b_batch are the elements between matrices, 0 to use one for all.
class HostProduct : public HostCall
{
  public:
    HostProduct(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    const float *a_, *b_, *bias_;
    float* c_;
    std::int64_t form_, batch_, m_, n_, k_, a_batch_, b_batch_, bias_row_;
};

// c = scale * op(a) op(b), forms as above, for `batch` heads in all. Of each array: where the first head begins, and the
// elements between rows, between sequences, of which each has `heads` of them, and between its heads.
class HostHeads : public HostCall
{
  public:
    HostHeads(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    struct Place
    {
        float* first;
        std::int64_t row, batch, head;
        float* of(std::int64_t sequence, std::int64_t which) const { return first + sequence * batch + which * head; }
    };
    Place place(std::size_t binding, std::int64_t rows, std::int64_t columns) const;
    std::int64_t form_, batch_, heads_, m_, n_, k_;
    float scale_;
    Place places_[3]; // of a, b and c
};

// A convolution of images (batch, sets * ins, h, width) with weights (sets * outs, ins, kh, kw); the result is
// (batch, sets * outs, oh, ow). Images are laid out by taps a few rows at a time, in memory that caches hold.
class HostImages : public HostCall
{
  public:
    static const std::vector<std::string> numbers;

  protected:
    HostImages(const HostFace& face, std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);

    // Of the result: a stretch of a row, some rows of an image, or all of several.
    struct Tile
    {
        std::int64_t image, images, row, rows, column, columns;
        std::int64_t pixels = images * rows * columns;
    };
    std::int64_t image_tiles() const { return (batch_ + together_ - 1) / together_; }
    template<class F>
    void tiles(std::int64_t item, F each) const; // those of an image, or of the images that are taken together
    template<class F>
    void share(Host& host, F item) const;

    // The column of each pixel of a tile (ins * taps, pixels), or those added to where they came from.
    void lay_out(const float* images, const Tile& tile, float* columns) const;
    void add_back(const float* columns, const Tile& tile, float* images) const;
    // Results of several images side by side (outs, pixels), and back.
    void gather(const float* results, const Tile& tile, float* out) const;
    void scatter(const float* in, const Tile& tile, float* results) const;
    bool plain() const; // pixels are their own columns

    std::int64_t batch_, sets_, ins_, outs_, h_, width_, oh_, ow_, kh_, kw_, stride_y_, stride_x_, pad_y_, pad_x_, gap_y_,
      gap_x_;
    std::int64_t weights_, size_, results_; // of a set: numbers of weights for one result, pixels of image and result
    std::int64_t together_, rows_, long_;   // images, rows of one, and pixels of a row, in a tile
    std::uint64_t scratch_;                 // floats that a tile needs
};

// y = x * w + bias; with `back` x = the gradient to the images from y, the result's, + bias (of the images' channels).
class HostConv : public HostImages
{
  public:
    HostConv(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    void forward(Host& host, int member, std::int64_t item, std::int64_t set) const;
    void backward(Host& host, int member, std::int64_t item, std::int64_t set) const;
    const float *source_, *w_, *bias_;
    float* target_;
    bool back_;
};

// w = the gradient to the weights from g, the result's, and the images x.
class HostConvWeights : public HostImages
{
  public:
    HostConvWeights(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    const float *g_, *x_;
    float* w_;
};

// w (outs, ins) += rate * post^T pre - shrink * base, and with `oja` - rate * sum(post^2) * base of each output; the
// samples are pre (n, ins) and post (n, outs).  `pieces`: base has the weights before the first piece; else it is w.
class HostHebbian : public HostCall
{
  public:
    HostHebbian(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    float* w_;
    const float *pre_, *post_, *base_;
    std::int64_t ins_, outs_, n_;
    bool oja_;
    float rate_, shrink_;
};

// What shaders/snn-stdp.glsl does, for hard bounds and without a reward: each step two products that add to w, and the
// bounds.  trace has the traces before each of the steps, of pre and after them of post.
class HostStdp : public HostCall
{
  public:
    HostStdp(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words);
    void run(Host& host) const override;
    static const HostFace face;

  private:
    void learn(const Blas& blas, std::int64_t first, std::int64_t last) const; // of some outputs
    float* w_;
    const float *pre_, *post_, *trace_;
    std::int64_t ins_, outs_, batch_, steps_;
    float plus_, minus_, low_, high_;
};

} // namespace grilly
