// The memory that scrypt works in: 32 MiB for each hash. Taken from the system anew each time, it would cost a fifth of
// the hash, and the lock of the process's address space for as long as 8,192 pages are made ready, in a thread of idle
// priority: a thread that serves connections and needs memory would wait for it. So each thread of the pool has its
// own, and OpenSSL, whose scrypt asks OpenSSL's allocator, is given that
// (docs/decisions/0025_hashing_at_idle_priority.md).
#pragma once
#include <cstddef>

namespace gatehouse::crypto {

class HashMemory {
 public:
  // Once per process, before anything uses OpenSSL. False: too late, or done already. Without it hashes are the same,
  // from memory that malloc gives.
  static bool install();

  HashMemory();
  ~HashMemory();
  HashMemory(const HashMemory&) = delete;
  HashMemory& operator=(const HashMemory&) = delete;

  // Gives the pages back to the system; the next hash takes them again, one by one.
  void release();

  // While one exists, what OpenSSL wants on this thread for a hash comes from `memory`, which nobody else uses then.
  class Use {
   public:
    explicit Use(HashMemory& memory);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
  };

 private:
  struct Hooks;
  void* memory_ = nullptr;  // null: there was none
  bool taken_ = false;
};

}  // namespace gatehouse::crypto
