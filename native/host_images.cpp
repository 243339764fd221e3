#include "host_calls.hpp"

#include <algorithm>
#include <cstring>

namespace grilly {

// Floats of a tile's columns: they stay in a core's second cache.
static const std::int64_t COLUMNS = 1 << 17;
// The same of a single row: longer ones are cut, for there is no end to a row's length.
static const std::int64_t LONGEST = 1 << 21;
// Pixels that a product should have at least: of smaller images several are taken together.
static const std::int64_t PIXELS = 192;

const std::vector<std::string> HostImages::numbers{ "batch",    "sets",     "ins",   "outs",  "h",     "width", "oh", "ow",
                                                    "kh",       "kw",       "stride_y", "stride_x", "pad_y", "pad_x",
                                                    "gap_y",    "gap_x" };

HostImages::HostImages(const HostFace& face, std::vector<std::shared_ptr<kp::Tensor>> tensors,
                       std::vector<std::uint32_t> words)
  : HostCall(face, std::move(tensors), std::move(words))
{
    std::size_t at = 0;
    for (std::int64_t* one : { &batch_, &sets_, &ins_, &outs_, &h_, &width_, &oh_, &ow_, &kh_, &kw_, &stride_y_, &stride_x_,
                               &pad_y_, &pad_x_, &gap_y_, &gap_x_ })
        *one = number(at++);
    weights_ = ins_ * kh_ * kw_;
    size_ = h_ * width_;
    results_ = oh_ * ow_;
    const std::int64_t most = COLUMNS / weights_;
    long_ = std::min(ow_, std::max(PIXELS, LONGEST / weights_));
    const std::int64_t pixels = std::max(long_, most);
    together_ = results_ >= PIXELS ? 1 : std::max<std::int64_t>(1, std::min({ batch_, PIXELS / results_ + 1, pixels / results_ }));
    rows_ = together_ > 1 ? oh_ : std::min(oh_, std::max<std::int64_t>(1, pixels / ow_));
    scratch_ = (std::uint64_t)(weights_ + (together_ > 1 ? outs_ : 0)) * together_ * rows_ * long_;
}

bool HostImages::plain() const
{
    return kh_ * kw_ == 1 && stride_y_ == 1 && stride_x_ == 1 && pad_y_ == 0 && pad_x_ == 0 && h_ == oh_ && width_ == ow_;
}

// For each tap: which results of a stretch of a row find a pixel there, and where.
struct Reach
{
    Reach(std::int64_t tap, std::int64_t gap, std::int64_t pad, std::int64_t stride, std::int64_t size, std::int64_t begin,
          std::int64_t results)
      : from(begin * stride + tap * gap - pad)
    {
        first = from >= 0 ? 0 : std::min(results, (-from + stride - 1) / stride);
        last = size - from <= 0 ? first : std::max(first, std::min(results, (size - from + stride - 1) / stride));
    }
    std::int64_t from, first, last;
};

void HostImages::lay_out(const float* images, const Tile& tile, float* columns) const
{
    const std::int64_t row_bytes = tile.columns * (std::int64_t)sizeof(float);
    for (std::int64_t c = 0; c < ins_; c++)
        for (std::int64_t ky = 0; ky < kh_; ky++)
            for (std::int64_t kx = 0; kx < kw_; kx++) {
                const Reach x(kx, gap_x_, pad_x_, stride_x_, width_, tile.column, tile.columns);
                for (std::int64_t n = 0; n < tile.images; n++) {
                    const float* image = images + ((tile.image + n) * sets_ * ins_ + c) * size_;
                    for (std::int64_t y = tile.row; y < tile.row + tile.rows; y++, columns += tile.columns) {
                        const std::int64_t from = y * stride_y_ - pad_y_ + ky * gap_y_;
                        if (from < 0 || from >= h_) {
                            std::memset(columns, 0, row_bytes);
                            continue;
                        }
                        const float* row = image + from * width_ + x.from;
                        std::fill(columns, columns + x.first, 0.0f);
                        if (stride_x_ == 1)
                            std::copy(row + x.first, row + x.last, columns + x.first);
                        else
                            for (std::int64_t i = x.first; i < x.last; i++)
                                columns[i] = row[i * stride_x_];
                        std::fill(columns + x.last, columns + tile.columns, 0.0f);
                    }
                }
            }
}

void HostImages::add_back(const float* columns, const Tile& tile, float* images) const
{
    for (std::int64_t c = 0; c < ins_; c++)
        for (std::int64_t ky = 0; ky < kh_; ky++)
            for (std::int64_t kx = 0; kx < kw_; kx++) {
                const Reach x(kx, gap_x_, pad_x_, stride_x_, width_, tile.column, tile.columns);
                for (std::int64_t n = 0; n < tile.images; n++) {
                    float* image = images + ((tile.image + n) * sets_ * ins_ + c) * size_;
                    for (std::int64_t y = tile.row; y < tile.row + tile.rows; y++, columns += tile.columns) {
                        const std::int64_t from = y * stride_y_ - pad_y_ + ky * gap_y_;
                        if (from < 0 || from >= h_)
                            continue;
                        float* row = image + from * width_ + x.from;
                        if (stride_x_ == 1)
                            for (std::int64_t i = x.first; i < x.last; i++)
                                row[i] += columns[i];
                        else
                            for (std::int64_t i = x.first; i < x.last; i++)
                                row[i * stride_x_] += columns[i];
                    }
                }
            }
}

void HostImages::gather(const float* results, const Tile& tile, float* out) const
{
    for (std::int64_t c = 0; c < outs_; c++)
        for (std::int64_t n = 0; n < tile.images; n++, out += results_)
            std::copy_n(results + ((tile.image + n) * sets_ * outs_ + c) * results_, results_, out);
}

void HostImages::scatter(const float* in, const Tile& tile, float* results) const
{
    for (std::int64_t c = 0; c < outs_; c++)
        for (std::int64_t n = 0; n < tile.images; n++, in += results_)
            std::copy_n(in, results_, results + ((tile.image + n) * sets_ * outs_ + c) * results_);
}

template<class F>
void HostImages::tiles(std::int64_t item, F each) const
{
    const std::int64_t image = item * together_, images = std::min(together_, batch_ - image);
    for (std::int64_t row = 0; row < oh_; row += rows_)
        for (std::int64_t column = 0; column < ow_; column += long_)
            each(Tile{ image, images, row, std::min(rows_, oh_ - row), column, std::min(long_, ow_ - column) });
}

// Calls item(member, images, set) for all; members share them out where there are enough.
template<class F>
void HostImages::share(Host& host, F item) const
{
    const std::int64_t items = image_tiles() * sets_;
    const auto some = [&](int member, std::int64_t first, std::int64_t last) {
        for (std::int64_t i = first; i < last; i++)
            item(member, i / sets_, i % sets_);
    };
    if (items < 2 * host.team.size()) {
        some(0, 0, items);
        return;
    }
    Blas::Single single(host.blas);
    host.team.run([&](int member) {
        const auto [first, last] = part(items, member, host.team.size());
        some(member, first, last);
    });
}

// ---- the result, and the gradient to the images ----

static std::vector<std::string> with(std::vector<std::string> names, const std::vector<std::string>& more)
{
    names.insert(names.end(), more.begin(), more.end());
    return names;
}

const HostFace HostConv::face{
    "host-conv",
    { { "x", true, false }, { "w", true, false }, { "bias", true, false }, { "y", false, true } },
    with(HostImages::numbers, { "back", "biased" }),
};

HostConv::HostConv(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostImages(face, std::move(tensors), std::move(words))
  , back_(number(numbers.size()) != 0)
{
    const std::int64_t images = batch_ * sets_ * ins_ * size_, results = batch_ * sets_ * outs_ * results_;
    source_ = memory(0, back_ ? results : images);
    w_ = memory(1, sets_ * outs_ * weights_);
    bias_ = number(numbers.size() + 1) ? memory(2, sets_ * (back_ ? ins_ : outs_)) : nullptr;
    target_ = memory(3, back_ ? images : results);
}

void HostConv::run(Host& host) const
{
    share(host, [&](int member, std::int64_t item, std::int64_t set) {
        if (back_)
            backward(host, member, item, set);
        else
            forward(host, member, item, set);
    });
}

void HostConv::forward(Host& host, int member, std::int64_t item, std::int64_t set) const
{
    const float* images = source_ + set * ins_ * size_;
    const float* w = w_ + set * outs_ * weights_;
    float* results = target_ + set * outs_ * results_;
    tiles(item, [&](const Tile& tile) {
        const std::int64_t pixels = tile.pixels;
        float* columns = host.scratch(member, scratch_);
        float* out = columns + weights_ * pixels;
        std::int64_t row = pixels;
        if (together_ == 1) { // straight to where it belongs
            out = results + tile.image * sets_ * outs_ * results_ + tile.row * ow_ + tile.column;
            row = results_;
        }
        if (bias_)
            for (std::int64_t c = 0; c < outs_; c++)
                std::fill_n(out + c * row, pixels, bias_[set * outs_ + c]);
        const float* source = columns;
        std::int64_t source_row = pixels;
        if (plain() && together_ == 1) {
            source = images + tile.image * sets_ * ins_ * size_ + tile.row * ow_ + tile.column;
            source_row = size_;
        } else
            lay_out(images, tile, columns);
        host.blas.product(false, false, outs_, pixels, weights_, w, weights_, source, source_row, bias_ ? 1.0f : 0.0f, out,
                          row);
        if (together_ > 1)
            scatter(out, tile, results);
    });
}

void HostConv::backward(Host& host, int member, std::int64_t item, std::int64_t set) const
{
    const float* results = source_ + set * outs_ * results_;
    const float* w = w_ + set * outs_ * weights_;
    float* images = target_ + set * ins_ * size_;
    for (std::int64_t n = item * together_; n < std::min(batch_, (item + 1) * together_); n++)
        for (std::int64_t c = 0; c < ins_; c++)
            std::fill_n(images + (n * sets_ * ins_ + c) * size_, size_, bias_ ? bias_[set * ins_ + c] : 0.0f);
    tiles(item, [&](const Tile& tile) {
        const std::int64_t pixels = tile.pixels;
        float* columns = host.scratch(member, scratch_);
        const float* source = results + tile.image * sets_ * outs_ * results_ + tile.row * ow_ + tile.column;
        std::int64_t row = results_;
        if (together_ > 1) {
            gather(results, tile, columns + weights_ * pixels);
            source = columns + weights_ * pixels;
            row = pixels;
        }
        host.blas.product(true, false, weights_, pixels, outs_, w, weights_, source, row, 0.0f, columns, pixels);
        add_back(columns, tile, images);
    });
}

// ---- the gradient to the weights ----

const HostFace HostConvWeights::face{
    "host-conv-weights",
    { { "g", true, false }, { "x", true, false }, { "w", false, true } },
    HostImages::numbers,
};

HostConvWeights::HostConvWeights(std::vector<std::shared_ptr<kp::Tensor>> tensors, std::vector<std::uint32_t> words)
  : HostImages(face, std::move(tensors), std::move(words))
{
    g_ = memory(0, batch_ * sets_ * outs_ * results_);
    x_ = memory(1, batch_ * sets_ * ins_ * size_);
    w_ = memory(2, sets_ * outs_ * weights_);
}

void HostConvWeights::run(Host& host) const
{
    // Each member adds up the sums of its images behind its scratch; they are joined in order.
    const std::int64_t all = sets_ * outs_ * weights_;
    std::vector<char> begun(host.team.size());
    const auto sums = [&](int member) { return host.scratch(member, scratch_ + all) + scratch_; };
    share(host, [&](int member, std::int64_t item, std::int64_t set) {
        if (!begun[member])
            std::fill_n(sums(member), all, 0.0f);
        begun[member] = 1;
        float* own = sums(member) + set * outs_ * weights_;
        const float* results = g_ + set * outs_ * results_;
        tiles(item, [&](const Tile& tile) {
            const std::int64_t pixels = tile.pixels;
            float* columns = host.scratch(member, scratch_ + all);
            lay_out(x_ + set * ins_ * size_, tile, columns);
            const float* source = results + tile.image * sets_ * outs_ * results_ + tile.row * ow_ + tile.column;
            std::int64_t row = results_;
            if (together_ > 1) {
                gather(results, tile, columns + weights_ * pixels);
                source = columns + weights_ * pixels;
                row = pixels;
            }
            host.blas.product(false, true, outs_, weights_, pixels, source, row, columns, pixels, 1.0f, own, weights_);
        });
    });
    std::fill_n(w_, all, 0.0f);
    for (int member = 0; member < host.team.size(); member++)
        if (begun[member])
            for (std::int64_t i = 0; i < all; i++)
                w_[i] += sums(member)[i];
}

} // namespace grilly
