// A BLAS that is loaded into the process already, numpy's or scipy's.
#pragma once

#include <cstdint>
#include <mutex>

namespace grilly {

class Blas
{
  public:
    // Addresses of cblas_sgemm (`wide`: with 64-bit sizes) and of the calls that get and set its number of threads.
    Blas(std::uintptr_t sgemm, bool wide, std::uintptr_t get_threads, std::uintptr_t set_threads)
      : sgemm_(sgemm)
      , wide_(wide)
      , get_threads_(reinterpret_cast<int (*)()>(get_threads))
      , set_threads_(reinterpret_cast<void (*)(int)>(set_threads))
    {
    }

    // C (m, n) = alpha op(A) op(B) + beta C, all in rows; op transposes where told to.
    void product(bool transpose_a, bool transpose_b, std::int64_t m, std::int64_t n, std::int64_t k, const float* a,
                 std::int64_t row_a, const float* b, std::int64_t row_b, float beta, float* c, std::int64_t row_c,
                 float alpha = 1.0f) const
    {
        const int rows = 101, as_is = 111, transposed = 112; // of CBLAS's enumerations
        const int ta = transpose_a ? transposed : as_is, tb = transpose_b ? transposed : as_is;
        if (wide_)
            reinterpret_cast<Sgemm<std::int64_t>>(sgemm_)(rows, ta, tb, m, n, k, alpha, a, row_a, b, row_b, beta, c, row_c);
        else
            reinterpret_cast<Sgemm<int>>(sgemm_)(rows, ta, tb, (int)m, (int)n, (int)k, alpha, a, (int)row_a, b, (int)row_b,
                                                 beta, c, (int)row_c);
    }
    // What was set by others than Single.
    int threads() const
    {
        std::lock_guard<std::mutex> guard(shared().mutex);
        return shared().singles ? shared().before : get_threads_();
    }

    // While it lives, each product takes one thread: several run side by side. The number is the process's: the first
    // that lives, of whatever device, notes what it was, and the last sets it so again.
    class Single
    {
      public:
        explicit Single(const Blas& blas)
          : blas_(blas)
        {
            std::lock_guard<std::mutex> guard(shared().mutex);
            if (shared().singles++ == 0) {
                shared().before = blas_.get_threads_();
                blas_.set_threads_(1);
            }
        }
        ~Single()
        {
            std::lock_guard<std::mutex> guard(shared().mutex);
            if (--shared().singles == 0)
                blas_.set_threads_(shared().before);
        }
        Single(const Single&) = delete;
        Single& operator=(const Single&) = delete;

      private:
        const Blas& blas_;
    };

  private:
    struct Shared
    {
        std::mutex mutex;
        int singles = 0, before = 0;
    };
    static Shared& shared() // of the one BLAS that this process takes (runtime/blas.py)
    {
        static Shared one;
        return one;
    }
    template<class Int>
    using Sgemm = void (*)(int, int, int, Int, Int, Int, float, const float*, Int, const float*, Int, float, float*, Int);
    std::uintptr_t sgemm_;
    bool wide_;
    int (*get_threads_)();
    void (*set_threads_)(int);
};

} // namespace grilly
