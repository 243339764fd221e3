#include "team.hpp"

#include <algorithm>

namespace grilly {

Team::Team(int size)
  : size_(std::max(1, size))
{
    try {
        for (int number = 1; number < size_; number++)
            threads_.emplace_back([this, number] { member(number); });
    } catch (...) {
        stop(); // no more threads are to be had
        throw;
    }
}

Team::~Team()
{
    stop();
}

void Team::stop()
{
    {
        std::lock_guard<std::mutex> guard(mutex_);
        stop_ = true;
    }
    start_.notify_all();
    for (std::thread& one : threads_)
        one.join();
}

void Team::run(const std::function<void(int)>& job)
{
    {
        std::lock_guard<std::mutex> guard(mutex_);
        job_ = &job;
        error_ = nullptr;
        left_ = size_;
        round_++;
    }
    start_.notify_all();
    share(0);
    std::unique_lock<std::mutex> lock(mutex_);
    end_.wait(lock, [this] { return left_ == 0; });
    if (error_)
        std::rethrow_exception(error_);
}

void Team::share(int number)
{
    std::exception_ptr failed;
    try {
        (*job_)(number);
    } catch (...) {
        failed = std::current_exception();
    }
    std::lock_guard<std::mutex> guard(mutex_);
    if (failed)
        error_ = failed;
    if (--left_ == 0)
        end_.notify_all();
}

void Team::member(int number)
{
    unsigned seen = 0;
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
        start_.wait(lock, [&] { return stop_ || round_ != seen; });
        if (stop_)
            return;
        seen = round_;
        lock.unlock();
        share(number);
        lock.lock();
    }
}

} // namespace grilly
