#include "base/line_writer.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

namespace gatehouse {

namespace {

bool is_regular_file(int descriptor) {
  struct stat info{};
  return ::fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode);
}

}  // namespace

// The thread takes no signal: one that the process waits for elsewhere, or is about to block, would end it here.
LineWriter::LineWriter(int descriptor, std::size_t batches_max)
    : descriptor_(descriptor), batches_max_(batches_max), never_blocks_(is_regular_file(descriptor)) {
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  writer_ = std::thread([this] { write_batches(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

LineWriter::~LineWriter() {
  stop();
}

void LineWriter::submit(std::string lines, std::uint64_t count) {
  {
    const std::lock_guard lock(mutex_);
    if (batches_.size() >= batches_max_ || stopping_) {
      dropped_.fetch_add(count, std::memory_order_relaxed);
      return;
    }
    batches_.push_back({std::move(lines), count});
  }
  arrived_.notify_one();
}

void LineWriter::write_batches() {
  std::unique_lock lock(mutex_);
  bool given_up = false;  // the process wants to end, and the target does not take anything
  for (;;) {
    arrived_.wait(lock, [this] { return stopping_ || !batches_.empty(); });
    if (batches_.empty()) return;
    const Batch batch = std::move(batches_.front());
    batches_.pop_front();
    lock.unlock();
    const bool written = !given_up && write_all(batch.lines);
    if (!written) dropped_.fetch_add(batch.count, std::memory_order_relaxed);
    lock.lock();
    given_up = !written && stopping_;
  }
}

// False when the target is gone, or blocked while the process wants to end.
bool LineWriter::write_all(std::string_view bytes) {
  constexpr int kPatienceMs = 250;
  int tries_at_end = 4;
  while (!bytes.empty()) {
    pollfd target{descriptor_, POLLOUT, 0};
    const int ready = ::poll(&target, 1, kPatienceMs);
    if (ready == 0 || (ready < 0 && errno == EINTR)) {
      if (hurry_.load(std::memory_order_relaxed) && --tries_at_end == 0) return false;
      continue;
    }
    // A pipe that is ready takes at least PIPE_BUF bytes without blocking.
    const std::size_t size = never_blocks_ ? bytes.size() : std::min<std::size_t>(bytes.size(), PIPE_BUF);
    const ssize_t written = ::write(descriptor_, bytes.data(), size);
    if (written > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EAGAIN && errno != EINTR) {
      return false;
    }
  }
  return true;
}

void LineWriter::stop() {
  if (!writer_.joinable()) return;
  hurry_.store(true, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_one();
  writer_.join();
}

}  // namespace gatehouse
