#include "crypto/idle_thread.hpp"

#include <sched.h>
#include <sys/resource.h>

namespace gatehouse::crypto {

namespace {

// Without SCHED_IDLE (a container may forbid it) the lowest niceness.
void lower_priority() {
  sched_param parameter{};
  if (sched_setscheduler(0, SCHED_IDLE, &parameter) != 0) setpriority(PRIO_PROCESS, 0, 19);
}

}  // namespace

IdleThread::IdleThread() : thread_([this] { serve(); }) {}

IdleThread::~IdleThread() {
  call_ = nullptr;
  given_.release();
  thread_.join();
}

void IdleThread::run_with(Call call, void* argument) {
  call_ = call;
  argument_ = argument;
  given_.release();
  done_.acquire();
}

void IdleThread::serve() {
  lower_priority();
  for (;;) {
    given_.acquire();
    if (!call_) return;
    call_(argument_);
    done_.release();
  }
}

}  // namespace gatehouse::crypto
