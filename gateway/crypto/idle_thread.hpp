// A thread that gets only the time nobody else wants, and computes for the thread that owns it, which waits meanwhile.
//
// While the machine is busy it may be suspended for long, at any instruction. What runs here must hold no lock that
// others take, or they would wait as long: it computes on memory that its owner gives it, frees nothing that another
// thread has allocated, allocates nothing that another one frees, and wakes no coroutine. That is its owner's part.
#pragma once
#include <semaphore>
#include <thread>

namespace gatehouse::crypto {

class IdleThread {
 public:
  IdleThread();
  ~IdleThread();
  IdleThread(const IdleThread&) = delete;
  IdleThread& operator=(const IdleThread&) = delete;

  // Returns when `work` has. One call at a time; `work` must not throw.
  template <class Work>
  void run(Work& work) {
    run_with([](void* self) { (*static_cast<Work*>(self))(); }, &work);
  }

 private:
  using Call = void (*)(void*);
  void run_with(Call call, void* argument);
  void serve();

  // Waited for without a mutex: a futex on a counter.
  std::binary_semaphore given_{0};
  std::binary_semaphore done_{0};
  Call call_ = nullptr;  // null: the end
  void* argument_ = nullptr;
  std::thread thread_;
};

}  // namespace gatehouse::crypto
