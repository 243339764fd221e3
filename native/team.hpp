// A few threads that share out the items of a job.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace grilly {

class Team
{
  public:
    explicit Team(int size); // the calling thread is one of them
    ~Team();
    Team(const Team&) = delete;
    Team& operator=(const Team&) = delete;
    int size() const { return size_; }

    // Calls job(member) once for each member 0 .. size - 1, side by side; returns when all are done. What one throws is
    // thrown. Called by one thread at a time.
    void run(const std::function<void(int)>& job);

  private:
    void stop();
    void member(int number);
    void share(int number);

    const int size_;
    std::vector<std::thread> threads_;
    std::mutex mutex_;
    std::condition_variable start_, end_;
    const std::function<void(int)>* job_ = nullptr;
    std::exception_ptr error_;
    unsigned round_ = 0;
    int left_ = 0;
    bool stop_ = false;
};

// The items of `count` that a member of so many has: [first, second), as even as can be.
inline std::pair<std::int64_t, std::int64_t> part(std::int64_t count, int member, int members)
{
    return { count * member / members, count * (member + 1) / members };
}

} // namespace grilly
