#include "crypto/password_hasher.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <new>
#include <stdexcept>

#include "base/check.hpp"
#include "base/encoding.hpp"
#include "base/event.hpp"
#include "base/failure.hpp"
#include "base/resumption.hpp"
#include "crypto/digest.hpp"
#include "crypto/hash_memory.hpp"
#include "crypto/idle_thread.hpp"

namespace gatehouse::crypto {

namespace {

constexpr std::size_t kKeyBytes = 64;
constexpr std::uint64_t kN = 16'384;
constexpr std::uint64_t kR = 16;
constexpr std::uint64_t kP = 1;
static_assert(kPasswordHashBytes == 128 * kN * kR);
constexpr std::uint64_t kMemoryMax = 64 * 1024 * 1024;  // twice what these parameters need
constexpr std::chrono::seconds kMemoryKept{5};          // after the last hash

using Key = std::array<unsigned char, kKeyBytes>;

// Two spellings of the same characters are the same password. Text that is not UTF-8 is taken as it is.
std::string normalize_nfkc(std::string_view text) {
  utf8proc_uint8_t* out = nullptr;
  constexpr auto kOptions = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
  const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                   static_cast<utf8proc_ssize_t>(text.size()), &out, kOptions);
  if (length < 0) return std::string(text);
  std::string normal(reinterpret_cast<const char*>(out), static_cast<std::size_t>(length));
  std::free(out);
  return normal;
}

// Allocates and frees through OpenSSL alone, and nothing that outlives the call.
bool derive(std::string_view normal, std::string_view salt, Key& key) {
  const int result = EVP_PBE_scrypt(normal.data(), normal.size(), reinterpret_cast<const unsigned char*>(salt.data()),
                                    salt.size(), kN, kR, kP, kMemoryMax, key.data(), key.size());
  if (result != 1) ERR_clear_error();
  return result == 1;
}

// Where hashes are computed: on the calling thread, or on a thread of its own.
Key derive_key(std::string_view password, std::string_view salt, IdleThread* thread, HashMemory* memory) {
  std::string normal = normalize_nfkc(password);
  Key key;
  bool derived = false;
  if (thread) {
    auto work = [&] {
      const HashMemory::Use use(*memory);
      derived = derive(normal, salt, key);
    };
    thread->run(work);
  } else {
    derived = derive(normal, salt, key);
  }
  sodium_memzero(normal.data(), normal.size());
  if (!derived) throw Failure(503, "password_memory", "no memory for a password hash");
  return key;
}

std::string_view text_of(const Key& key) {
  return {reinterpret_cast<const char*>(key.data()), key.size()};
}

std::string hash_on(IdleThread* thread, HashMemory* memory, std::string_view password, std::string_view salt_hex) {
  const Key key = derive_key(password, salt_hex, thread, memory);
  return std::string(salt_hex) + ":" + hex_encode(text_of(key));
}

bool verify_on(IdleThread* thread, HashMemory* memory, std::string_view password, std::string_view stored) {
  const auto colon = stored.find(':');
  // The key is derived in any case: a broken row must not answer faster than a wrong password.
  const Key key = derive_key(password, stored.substr(0, colon), thread, memory);
  if (colon == std::string_view::npos) return false;
  const auto expected = hex_decode(stored.substr(colon + 1));
  return expected && equal_constant_time(text_of(key), *expected);
}

}  // namespace

std::string hash_password(std::string_view password, std::string_view salt_hex) {
  return hash_on(nullptr, nullptr, password, salt_hex);
}

bool verify_password(std::string_view password, std::string_view stored) {
  return verify_on(nullptr, nullptr, password, stored);
}

// The outcome is the hash that was to be made, or "1" for a password that fits `stored` and "" for one that does not.
struct PasswordHasher::Job {
  std::string password;
  std::string salt;
  std::string stored;
  bool verify = false;
  std::uint64_t number = 0;
  Resumption<std::string> waiter;
  std::string outcome;
  std::exception_ptr error;

  ~Job() { sodium_memzero(password.data(), password.size()); }

  void compute(IdleThread& thread, HashMemory& memory) {
    try {
      if (!verify) {
        outcome = hash_on(&thread, &memory, password, salt);
      } else if (verify_on(&thread, &memory, password, stored)) {
        outcome = "1";
      }
    } catch (...) {
      error = std::current_exception();
    }
  }
  void answer() {
    if (error) {
      waiter.fail(std::move(error));
    } else {
      waiter.resume(std::move(outcome));
    }
  }
};

namespace {

unsigned count_threads(unsigned wanted) {
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  return wanted > 0 ? wanted : std::max(1u, cores - 1);
}

std::exception_ptr make_refusal(const char* reason, const char* detail) {
  return std::make_exception_ptr(Failure(503, reason, detail));
}

}  // namespace

PasswordHasher::PasswordHasher(Random& random, const Clock& clock, Settings settings)
    : random_(random),
      clock_(clock),
      queue_max_(settings.queue_max),
      wait_max_(settings.wait_max),
      thread_count_(count_threads(settings.threads)) {
  GATEHOUSE_CHECK(sodium_init() >= 0);
  for (unsigned i = 0; i < thread_count_; ++i) threads_.emplace_back([this] { work(); });
}

PasswordHasher::~PasswordHasher() {
  stop();
}

SteadyTime PasswordHasher::latest_turn() const {
  return wait_max_.count() == 0 ? SteadyTime::max() : clock_.steady() + wait_max_;
}

Awaitable<std::string> PasswordHasher::hash(std::string password, std::optional<SteadyTime> by) {
  std::array<std::byte, 16> salt;
  random_.fill(salt);
  auto job = std::make_unique<Job>();
  job->password = std::move(password);
  job->salt = hex_encode({reinterpret_cast<const char*>(salt.data()), salt.size()});
  auto outcome = co_await perform(std::move(job), by.value_or(latest_turn()));
  co_return outcome;
}

Awaitable<bool> PasswordHasher::verify(std::string password, std::string stored, std::optional<SteadyTime> by) {
  auto job = std::make_unique<Job>();
  job->password = std::move(password);
  job->stored = std::move(stored);
  job->verify = true;
  const auto outcome = co_await perform(std::move(job), by.value_or(latest_turn()));
  co_return !outcome.empty();
}

// The time in the queue is kept on the caller's thread: those of the pool run only when nobody else wants to.
Awaitable<std::string> PasswordHasher::perform(std::unique_ptr<Job> job, SteadyTime by) {
  const Executor executor = co_await asio::this_coro::executor;
  SteadyTimer late(executor);
  auto start = [this, &late, by, job = std::move(job)](Resumption<std::string> waiter) mutable {
    job->waiter = std::move(waiter);
    const auto waiting = submit(std::move(job));
    if (!waiting || by == SteadyTime::max()) return;
    late.expires_after(by - clock_.steady());
    late.async_wait([this, number = *waiting](const boost::system::error_code& cancelled) {
      if (!cancelled) expire(number);
    });
  };
  auto outcome = co_await suspend_until_resumed<std::string>(std::move(start));
  co_return outcome;
}

// The number of the job where it has to wait for others.
std::optional<std::uint64_t> PasswordHasher::submit(std::unique_ptr<Job> job) {
  const char* refusal = nullptr;
  std::optional<std::uint64_t> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      refusal = "shutting_down";
    } else if (queue_.size() >= queue_max_) {
      refusal = "password_queue_full";
      ++counts_.refused_full;
    } else {
      job->number = ++last_number_;
      if (running_ + queue_.size() >= thread_count_) waiting = job->number;
      queue_.push_back(std::move(job));
    }
  }
  if (refusal != nullptr) {
    job->waiter.fail(make_refusal(refusal, "no room for another password hash"));
  } else {
    arrived_.notify_one();
  }
  return waiting;
}

void PasswordHasher::expire(std::uint64_t number) {
  std::unique_ptr<Job> late;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(queue_, number, [](const auto& job) { return job->number; });
    if (found == queue_.end()) return;
    late = std::move(*found);
    queue_.erase(found);
    ++counts_.refused_late;
  }
  late->waiter.fail(make_refusal("password_queue_full", "a password waited too long to be hashed"));
}

PasswordHasher::Counts PasswordHasher::counts() const {
  const std::lock_guard lock(mutex_);
  Counts counts = counts_;
  counts.running = running_;
  counts.waiting = queue_.size();
  return counts;
}

// Of usual priority: it takes locks that the threads of connections take, and leaves to its idle thread what takes
// long.
void PasswordHasher::work() {
  HashMemory memory;
  IdleThread thread;
  const auto has_work = [this] { return stopping_ || !queue_.empty(); };
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!arrived_.wait_for(lock, kMemoryKept, has_work)) {
      lock.unlock();
      memory.release();
      lock.lock();
      arrived_.wait(lock, has_work);
    }
    if (stopping_) return;
    auto job = std::move(queue_.front());
    queue_.pop_front();
    ++running_;
    lock.unlock();
    job->compute(thread, memory);
    lock.lock();
    // Before it is answered: who comes back with the next one at once finds a thread that is free.
    --running_;
    ++counts_.hashed;
    lock.unlock();
    job->answer();
    job.reset();
    lock.lock();
  }
}

void PasswordHasher::stop() {
  std::deque<std::unique_ptr<Job>> left;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    left.swap(queue_);
  }
  arrived_.notify_all();
  for (const auto& job : left) {
    job->waiter.fail(std::make_exception_ptr(Failure(503, "shutting_down", "the gateway is shutting down")));
  }
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace gatehouse::crypto
