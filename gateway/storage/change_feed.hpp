// What anybody changes in the store, told to this process: other gateways, a Node server, psql. It is what lets
// sessions be believed from memory: as long as the feed says that all commits up to a moment were told, an entry that
// nothing was told about is as good as a read of that moment. It never says so wrongly; when it cannot know, it says
// nothing.
//
// PostgreSQL: the triggers of migrations/core/0002_change_feed notify, a connection of the feed's own listens, and a
// heartbeat is sent through the same queue, which delivers in the order of commits. It is sent on another connection,
// so that a pooler in transaction mode, behind which nothing is heard, is found out. SQLite: the process is the one
// writer; it asks whether another process has written.
#pragma once
#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace gatehouse::storage {

struct Change {
  enum class Kind {
    session_ended,   // subject: the token, which opens nothing any more
    sessions_ended,  // subject: a user; some sessions of the user end sooner than was known, or have ended
    user_changed,    // subject: a user; the user or sessions of the user look different, none has ended
    everything,      // something was missed: any session may have changed or ended
  };
  Kind kind = Kind::everything;
  std::string subject = {};
  bool operator==(const Change&) const = default;
};

// Of a notification's payload. What is not understood is a change of everything.
Change parse_change(std::string_view payload);

struct FeedOptions {
  std::chrono::milliseconds staleness_max{1'000};  // five heartbeats in this time
};

// Belongs to one thread: made and destroyed there (or when it has ended), and tells its listener there. It goes on by
// itself through outages. Must be destroyed before its io_context.
class ChangeFeed {
 public:
  // Both are called in the order of commits. Neither may destroy the feed.
  class Listener {
   public:
    virtual void on_change(const Change& change) = 0;
    // What was committed before `time` has been told. The first call after a gap comes after a change of everything.
    virtual void on_seen_until(SteadyTime time) = 0;

   protected:
    ~Listener() = default;
  };

  enum class State {
    connecting,   // or trying to: the store does not answer
    no_triggers,  // nothing is told by the store: the migration was not applied, or the triggers were taken away
    unheard,      // the store answers, but no heartbeat is heard: a pooler in transaction mode
    following,    // heartbeats come, or came until a moment ago
  };

  virtual ~ChangeFeed() = default;
  virtual State state() const = 0;  // any thread
};

// "following" and so on, for people.
std::string_view to_string(ChangeFeed::State state);

}  // namespace gatehouse::storage
