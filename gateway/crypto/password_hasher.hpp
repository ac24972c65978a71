// Password hashes as Better Auth stores them, "<salt>:<key>": salt = 32 hexadecimal characters (used as text), key =
// scrypt(NFKC of the password, N=16384, r=16, p=1, 64 bytes) in hexadecimal. One hash takes about 70 ms of a core and
// 32 MiB, so it runs on a bounded pool of its own at idle priority: a flood of sign-ins costs other sign-ins, not
// proxied traffic. A thread of the pool takes the work and tells the outcome; its IdleThread computes.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/awaitable.hpp"
#include "base/clock.hpp"
#include "base/random.hpp"

namespace gatehouse::crypto {

// What the pool's threads do, without the pool. Plain functions that block for the whole hash.
std::string hash_password(std::string_view password, std::string_view salt_hex);
// False also where `stored` is not of the form above.
bool verify_password(std::string_view password, std::string_view stored);

// What one hash takes while it is computed: 128 × N × r bytes.
inline constexpr std::size_t kPasswordHashBytes = std::size_t{128} * 16'384 * 16;

// Any thread may call hash() and verify(); each coroutine is resumed on its own executor. A full queue throws
// Failure(503, "password_queue_full"), and so does one that has become too slow: whoever had to queue behind others and
// was not begun with by then is told so. Must be stopped (or destroyed) before an io_context whose
// coroutines may wait here.
class PasswordHasher {
 public:
  struct Settings {
    unsigned threads = 0;                   // 0: one less than there are cores, at least 1
    std::size_t queue_max = 64;             // waiting, beyond those that are being hashed
    std::chrono::milliseconds wait_max{0};  // 0: as long as it takes
  };

  PasswordHasher(Random& random, const Clock& clock, Settings settings);
  ~PasswordHasher();
  PasswordHasher(const PasswordHasher&) = delete;
  PasswordHasher& operator=(const PasswordHasher&) = delete;

  // By when a request that begins now is to get its turn, or all of them: `wait_max` from now.
  SteadyTime latest_turn() const;

  // `by` is latest_turn() where it is absent.
  Awaitable<std::string> hash(std::string password, std::optional<SteadyTime> by = {});
  Awaitable<bool> verify(std::string password, std::string stored, std::optional<SteadyTime> by = {});

  // Finishes what is being hashed; who still waits in the queue gets Failure(503, "shutting_down"), and so does who
  // comes later.
  void stop();

  struct Counts {
    std::uint64_t hashed = 0;
    std::uint64_t refused_full = 0;
    std::uint64_t refused_late = 0;
    std::size_t running = 0;
    std::size_t waiting = 0;
  };
  Counts counts() const;
  // Of all hashes that can be computed at the same time.
  std::size_t memory_max() const { return thread_count_ * kPasswordHashBytes; }

 private:
  struct Job;
  Awaitable<std::string> perform(std::unique_ptr<Job> job, SteadyTime by);
  std::optional<std::uint64_t> submit(std::unique_ptr<Job> job);
  void expire(std::uint64_t number);
  void work();

  Random& random_;
  const Clock& clock_;
  const std::size_t queue_max_;
  const std::chrono::milliseconds wait_max_;
  const unsigned thread_count_;
  mutable std::mutex mutex_;  // guards the five below
  std::deque<std::unique_ptr<Job>> queue_;
  std::size_t running_ = 0;
  std::uint64_t last_number_ = 0;
  Counts counts_;
  bool stopping_ = false;
  std::condition_variable arrived_;
  std::vector<std::thread> threads_;
};

}  // namespace gatehouse::crypto
