#include "outbound/queued_mailer.hpp"

#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>
#include <vector>

using namespace gatehouse;
using namespace gatehouse::outbound;
using std::chrono::seconds;

namespace {

constexpr SteadyTime kStart{std::chrono::hours{1}};

QueuedMail make_queued(std::string to, SteadyTime due = kStart, int tries = 0) {
  return {{.kind = Mail::Kind::verify_email, .to = std::move(to), .url = "https://auth.example.test/x"},
          "id@example.test",
          due,
          tries};
}

// Answers as told, first to last and the last for ever, and keeps what it was given.
class ScriptedTransport final : public MailTransport {
 public:
  struct Script {
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<Delivery::Outcome> outcomes;
    std::vector<MailMessage> messages;

    void wait_for(std::size_t count) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return messages.size() >= count; });
    }
  };
  explicit ScriptedTransport(Script& script) : script_(script) {}

  Delivery deliver(const MailMessage& message) override {
    const std::lock_guard lock(script_.mutex);
    const auto& outcomes = script_.outcomes;
    const auto at = std::min(script_.messages.size(), outcomes.size() - 1);
    script_.messages.push_back(message);
    script_.changed.notify_all();
    return {outcomes.at(at), "told so"};
  }

 private:
  Script& script_;
};

struct World {
  explicit World(std::vector<Delivery::Outcome> outcomes, std::size_t queue_max = 10) {
    script.outcomes = std::move(outcomes);
    mailer.emplace(QueuedMailer::Settings{.from = {"", "no-reply@example.test"}, .queue_max = queue_max},
                   MailTemplates("App", ""), std::make_unique<ScriptedTransport>(script), clock, random);
  }
  void send(std::string to, std::optional<WallTime> expires_at = {}) {
    mailer->send({.kind = Mail::Kind::reset_password,
                  .to = std::move(to),
                  .name = "Ann",
                  .url = "https://auth.example.test/x",
                  .expires_at = expires_at});
  }

  ManualClock clock;
  SystemRandom random;
  ScriptedTransport::Script script;
  std::optional<QueuedMailer> mailer;
};

}  // namespace

TEST_CASE("the queue takes so many and no more") {
  MailQueue queue(2);
  CHECK(queue.push(make_queued("a@b.test")));
  CHECK(queue.push(make_queued("a@b.test")));
  CHECK_FALSE(queue.push(make_queued("a@b.test")));
  CHECK(queue.size() == 2);
}

TEST_CASE("the queue gives what is due, the longest due first") {
  MailQueue queue(10);
  CHECK(!queue.next_due());
  queue.push(make_queued("late@b.test", kStart + seconds{2}));
  queue.push(make_queued("soon@b.test", kStart + seconds{1}));
  CHECK(queue.next_due() == kStart + seconds{1});
  CHECK(!queue.take_due(kStart));
  CHECK(queue.take_due(kStart + seconds{5})->mail.to == "soon@b.test");
  CHECK(queue.take_due(kStart + seconds{5})->mail.to == "late@b.test");
  CHECK(!queue.take_due(kStart + seconds{5}));
}

TEST_CASE("a mail that failed waits longer each time, and not for ever") {
  MailQueue queue(1);
  const std::vector<seconds> waits{seconds{5},   seconds{20},  seconds{80}, seconds{320},
                                   seconds{600}, seconds{600}, seconds{600}};
  for (int tries = 1; tries < MailQueue::kTriesMax; ++tries) {
    REQUIRE(queue.retry(make_queued("a@b.test", kStart, tries), kStart));
    CHECK(queue.next_due() == kStart + waits.at(static_cast<std::size_t>(tries) - 1));
    REQUIRE(queue.take_due(kStart + seconds{600}));
  }
  CHECK_FALSE(queue.retry(make_queued("a@b.test", kStart, MailQueue::kTriesMax), kStart));
}

TEST_CASE("a mail is written, sent and counted") {
  World world({Delivery::Outcome::delivered});
  world.send("ann@example.test");
  world.script.wait_for(1);
  world.mailer->stop();
  const auto& message = world.script.messages.at(0);
  CHECK(message.to == "ann@example.test");
  CHECK(message.from.address == "no-reply@example.test");
  CHECK(message.id.ends_with("@example.test"));
  CHECK(message.subject == "Reset your password for App");
  CHECK(world.mailer->counts().sent == 1);
}

TEST_CASE("a refused mail is not tried again") {
  World world({Delivery::Outcome::refused, Delivery::Outcome::delivered});
  world.send("ann@example.test");
  world.send("bob@example.test");
  world.script.wait_for(2);
  world.mailer->stop();
  CHECK(world.mailer->counts().failed == 1);
  CHECK(world.mailer->counts().sent == 1);
  CHECK(world.mailer->counts().waiting == 0);
}

TEST_CASE("a mail that failed for now stays in the queue, and is dropped at the end") {
  World world({Delivery::Outcome::try_later, Delivery::Outcome::delivered});
  world.send("ann@example.test");
  world.send("bob@example.test");
  world.script.wait_for(2);
  CHECK(world.mailer->counts().failed == 0);
  world.mailer->stop();
  CHECK(world.mailer->counts().sent == 1);
  CHECK(world.mailer->counts().dropped == 1);
  world.send("late@example.test");
  CHECK(world.mailer->counts().dropped == 2);
}

TEST_CASE("no server is bothered with a link that has expired or an address that is none") {
  World world({Delivery::Outcome::delivered});
  world.send("ann@example.test", world.clock.now());
  world.send("ann@example.test\r\nBcc: eve@evil.test");
  world.send("bob@example.test");
  world.script.wait_for(1);
  world.mailer->stop();
  CHECK(world.script.messages.size() == 1);
  CHECK(world.script.messages.at(0).to == "bob@example.test");
  CHECK(world.mailer->counts().expired == 1);
  CHECK(world.mailer->counts().failed == 1);
}
