#include "auth/verifications.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "auth/row_id.hpp"
#include "auth/secondary_storage.hpp"
#include "base/check.hpp"
#include "base/encoding.hpp"
#include "base/iso_time.hpp"
#include "crypto/digest.hpp"

namespace gatehouse::auth {

namespace json = boost::json;

namespace {

constexpr std::size_t kDocumentBytesMax = 64 * 1024;

std::string hashed(const std::string& identifier) {
  const auto digest = crypto::sha256(identifier);
  return base64url_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string key_of(const std::string& stored) {
  return "verification:" + stored;
}

}  // namespace

Verifications::Verifications(storage::Database& database, cache::Cache* redis, const Clock& clock, Random& random,
                             const config::VerificationSettings& settings, const storage::SchemaFacts& schema)
    : database_(database), redis_(redis), clock_(clock), random_(random), settings_(settings), schema_(schema) {}

// The first is what is written.
std::vector<std::string> Verifications::stored_forms(const std::string& identifier) const {
  if (settings_.store_identifier == config::VerificationSettings::Identifier::plain) return {identifier};
  return {hashed(identifier), identifier};
}

Query Verifications::insert(std::string identifier, std::string value, WallTime expires_at) {
  storage::Parameters values{std::move(identifier), std::move(value), expires_at, clock_.now()};
  std::string id = make_row_id(schema_.verification_ids, random_);
  if (id.empty()) {
    return {{R"(INSERT INTO "verification" ("identifier", "value", "expiresAt", "createdAt", "updatedAt")
                VALUES ($1, $2, $3, $4, $4))"},
            std::move(values)};
  }
  values.emplace_back(std::move(id));
  return {{R"(INSERT INTO "verification" ("identifier", "value", "expiresAt", "createdAt", "updatedAt", "id")
              VALUES ($1, $2, $3, $4, $4, $5))"},
          std::move(values)};
}

Awaitable<> Verifications::create(std::string identifier, std::string value, WallTime expires_at) {
  const std::string stored = stored_forms(identifier).front();
  if (has_rows()) {
    co_await run(database_, insert(stored, std::move(value), expires_at));
    co_return;
  }
  const std::string now = to_iso(clock_.now());
  const json::object document{{"value", value},
                              {"identifier", stored},
                              {"expiresAt", to_iso(expires_at)},
                              {"createdAt", now},
                              {"updatedAt", now}};
  const auto life = secondary_storage::life_until(expires_at, clock_.now());
  co_await redis_->set(key_of(stored), json::serialize(document), life);
}

// Rows are value, expiresAt, createdAt, in any order.
std::optional<std::string> Verifications::read(const storage::ResultSet& result) const {
  if (result.rows.empty()) return std::nullopt;
  const auto& newest = *std::ranges::max_element(result.rows, {}, [](const auto& row) { return row.time(2); });
  if (newest.time(1) <= clock_.now()) return std::nullopt;
  return newest.text(0);
}

std::optional<std::string> Verifications::read(const std::optional<std::string>& document) const {
  if (!document || document->size() > kDocumentBytesMax) return std::nullopt;
  boost::system::error_code failed;
  const auto parsed = json::parse(*document, failed);
  const auto* fields = failed ? nullptr : parsed.if_object();
  const auto* value = fields ? fields->if_contains("value") : nullptr;
  const auto* end = fields ? fields->if_contains("expiresAt") : nullptr;
  if (!value || !value->is_string() || !end || !end->is_string()) return std::nullopt;
  const auto expires_at = parse_iso(std::string_view(end->get_string()));
  if (!expires_at || *expires_at <= clock_.now()) return std::nullopt;
  return std::string(value->get_string());
}

Awaitable<std::optional<std::string>> Verifications::find(std::string identifier) {
  if (!is_storable(identifier)) co_return std::nullopt;
  for (const auto& stored : stored_forms(identifier)) {
    if (!has_rows()) {
      const auto document = co_await redis_->get(key_of(stored));
      if (document) co_return read(document);
      continue;
    }
    Query query{{R"(SELECT "value", "expiresAt", "createdAt" FROM "verification" WHERE "identifier" = $1
                    ORDER BY "createdAt" DESC LIMIT 1)"},
                {stored}};
    const auto result = co_await run(database_, std::move(query));
    if (!result.rows.empty()) co_return read(result);
  }
  co_return std::nullopt;
}

Awaitable<std::optional<std::string>> Verifications::take(std::string identifier) {
  std::optional<std::string> document;
  for (const auto& stored : stored_forms(identifier)) {
    auto taken = co_await redis_->take(key_of(stored));
    if (!document) document = std::move(taken);
  }
  co_return read(document);
}

// Older ones of the identifier go with it: none of them may count after it.
template <class Target>
Awaitable<std::optional<std::string>> Verifications::remove_row(Target& target, std::string identifier) {
  for (const auto& stored : stored_forms(identifier)) {
    Query query{{R"(DELETE FROM "verification" WHERE "identifier" = $1 RETURNING "value", "expiresAt", "createdAt")"},
                {stored}};
    const auto result = co_await run(target, std::move(query));
    if (!result.rows.empty()) co_return read(result);
  }
  co_return std::nullopt;
}

Awaitable<std::optional<std::string>> Verifications::consume(std::string identifier) {
  if (!is_storable(identifier)) co_return std::nullopt;
  if (!has_rows()) {
    auto taken = co_await take(std::move(identifier));
    co_return taken;
  }
  auto value = co_await remove_row(database_, std::move(identifier));
  co_return value;
}

Awaitable<std::optional<std::string>> Verifications::consume(storage::Transaction& transaction,
                                                             std::string identifier) {
  GATEHOUSE_CHECK(has_rows());
  if (!is_storable(identifier)) co_return std::nullopt;
  auto value = co_await remove_row(transaction, std::move(identifier));
  co_return value;
}

Awaitable<> Verifications::remove(std::string identifier) {
  co_await consume(std::move(identifier));
}

}  // namespace gatehouse::auth
