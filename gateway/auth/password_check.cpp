#include "auth/password_check.hpp"

#include "auth/error_codes.hpp"
#include "auth/row_id.hpp"
#include "auth/users.hpp"

namespace gatehouse::auth {

std::size_t password_length(std::string_view password) {
  std::size_t units = 0;
  for (const char c : password) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80) ++units;  // the first byte of a character
    if (byte >= 0xF0) ++units;           // one outside the basic plane takes two
  }
  return units;
}

Result<void> check_password_too_long(const config::EmailAndPassword& settings, std::string_view password) {
  if (password_length(password) > settings.max_password_length) return fail(400, error::kPasswordTooLong);
  return {};
}

Result<void> check_new_password(const config::EmailAndPassword& settings, std::string_view password) {
  if (password_length(password) < settings.min_password_length) return fail(400, error::kPasswordTooShort);
  return check_password_too_long(settings, password);
}

Awaitable<std::optional<PasswordAccount>> find_password_account(const Services& services, std::string user_id) {
  Query query{{R"(SELECT "id", "password" FROM "account"
                  WHERE "userId" = $1 AND "accountId" = $2 AND "providerId" = 'credential'
                  ORDER BY "createdAt" LIMIT 1)"},
              {user_id, user_id}};
  const auto result = co_await run(services.database, std::move(query));
  if (result.rows.empty()) co_return std::nullopt;
  const auto& row = result.rows.front();
  co_return PasswordAccount{row.text(0), row.optional_text(1)};
}

Awaitable<bool> is_password_of(const Services& services, std::string user_id, std::string password) {
  const auto account = co_await find_password_account(services, std::move(user_id));
  if (!account || !account->hash || account->hash->empty()) {
    co_await services.passwords.hash(std::move(password));
    co_return false;
  }
  const bool right = co_await services.passwords.verify(std::move(password), *account->hash);
  co_return right;
}

Query update_password(std::string user_id, std::string hash, WallTime now) {
  return {{R"(UPDATE "account" SET "password" = $1, "updatedAt" = $2
              WHERE "userId" = $3 AND "accountId" = $4 AND "providerId" = 'credential')"},
          {std::move(hash), now, user_id, user_id}};
}

Awaitable<> set_password(const Services& services, storage::Transaction& transaction, std::string user_id,
                         std::string hash) {
  const WallTime now = services.clock.now();
  const auto updated = co_await run(transaction, update_password(user_id, hash, now));
  if (updated.affected > 0) co_return;
  User user;
  user.id = std::move(user_id);
  user.created_at = now;
  std::string id = make_row_id(services.sessions.schema().account_ids, services.random);
  co_await run(transaction, insert_password_account(std::move(id), user, std::move(hash)));
}

}  // namespace gatehouse::auth
