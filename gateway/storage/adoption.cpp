#include "storage/adoption.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

namespace gatehouse::storage {

namespace {

enum class Holds { text, boolean, time };

struct Need {
  const char* table;
  const char* column;
  Holds holds;
  std::size_t characters = 0;  // what the gateway writes has this length
};

// What the gateway writes: a token of 32 characters, a password hash of 32 + 1 + 128.
constexpr std::array kNeeds{
    Need{"user", "name", Holds::text},
    Need{"user", "email", Holds::text},
    Need{"user", "emailVerified", Holds::boolean},
    Need{"user", "image", Holds::text},
    Need{"user", "createdAt", Holds::time},
    Need{"user", "updatedAt", Holds::time},
    Need{"user", "role", Holds::text},
    Need{"session", "expiresAt", Holds::time},
    Need{"session", "token", Holds::text, 32},
    Need{"session", "createdAt", Holds::time},
    Need{"session", "updatedAt", Holds::time},
    Need{"session", "ipAddress", Holds::text, 45},
    Need{"session", "userAgent", Holds::text},
    Need{"account", "issuer", Holds::text, 16},
    Need{"account", "accountId", Holds::text, 32},
    Need{"account", "providerId", Holds::text, 10},
    Need{"account", "password", Holds::text, 161},
    Need{"account", "createdAt", Holds::time},
    Need{"account", "updatedAt", Holds::time},
    Need{"verification", "identifier", Holds::text},
    Need{"verification", "value", Holds::text},
    Need{"verification", "expiresAt", Holds::time},
};

// Every release has had them.
constexpr std::array kMarks{
    Need{"user", "id", Holds::text},
    Need{"user", "email", Holds::text},
    Need{"user", "emailVerified", Holds::boolean},
    Need{"session", "id", Holds::text},
    Need{"session", "token", Holds::text},
    Need{"session", "userId", Holds::text},
    Need{"session", "expiresAt", Holds::time},
    Need{"account", "id", Holds::text},
    Need{"account", "accountId", Holds::text},
    Need{"account", "providerId", Holds::text},
    Need{"account", "userId", Holds::text},
    Need{"verification", "identifier", Holds::text},
    Need{"verification", "value", Holds::text},
};

// What an INSERT of the gateway gives a value.
constexpr std::array<std::string_view, 8> kWrittenUser{"id",    "name",      "email",    "emailVerified",
                                                       "image", "createdAt", "updatedAt"};
constexpr std::array<std::string_view, 8> kWrittenSession{"id",        "expiresAt", "token",     "createdAt",
                                                          "updatedAt", "ipAddress", "userAgent", "userId"};
constexpr std::array<std::string_view, 8> kWrittenAccount{"id",     "issuer",   "accountId", "providerId",
                                                          "userId", "password", "createdAt", "updatedAt"};

struct WantedIndex {
  const char* table;
  const char* column;
  bool unique;
  const char* name;  // as Better Auth calls it
  const char* why;
};

constexpr std::array kIndexes{
    WantedIndex{"session", "token", true, "session_token_uidx", "each look-up of a session reads the whole table"},
    WantedIndex{"session", "userId", false, "session_userId_idx", "listing and ending a user's sessions is slow"},
    WantedIndex{"account", "userId", false, "account_userId_idx", "each sign-in reads the whole table"},
    WantedIndex{"user", "email", true, "user_email_uidx", "two users may get the same address"},
    WantedIndex{"verification", "identifier", false, "verification_identifier_idx",
                "each look-up of a verification reads the whole table"},
    WantedIndex{"rateLimit", "key", true, "rateLimit_key_uidx",
                "requests of the auth endpoints cannot be counted there, so that each gateway counts for itself"},
};

std::string name_of(const Column& column) {
  return fmt::format("{}.\"{}\"", column.table, column.name);
}

bool is_integer(std::string_view type) {
  return type == "integer" || type == "bigint" || type == "smallint" || type == "int";
}

bool is_text(std::string_view type) {
  return type == "text" || type == "character varying" || type == "citext";
}

// SQLite's types are words that it does not hold anybody to.
bool can_hold(Engine engine, Holds what, std::string_view type) {
  if (engine == Engine::sqlite) return what != Holds::time || !type.contains("int");
  switch (what) {
    case Holds::text:
      return is_text(type);
    case Holds::boolean:
      return type == "boolean";
    case Holds::time:
      return type == "timestamp with time zone" || type == "timestamp without time zone";
  }
  return false;
}

const char* wanted_types(Holds what) {
  if (what == Holds::text) return "text or varchar";
  return what == Holds::boolean ? "boolean" : "timestamptz or timestamp (SQLite: text in ISO form)";
}

std::optional<IdKind> kind_of(Engine engine, const Column& id) {
  if (is_integer(id.type)) return id.has_default ? std::optional(IdKind::serial) : std::nullopt;
  if (engine == Engine::sqlite) return IdKind::text;
  if (id.type == "uuid") return IdKind::uuid;
  if (is_text(id.type) && (id.characters_max == 0 || id.characters_max >= 32)) return IdKind::text;
  return std::nullopt;
}

class Judge {
 public:
  Judge(const Catalogue& catalogue, const WrittenColumns& written) : catalogue_(catalogue), written_(written) {}

  Adoption judge() {
    check_schema();
    check_marks();
    if (!found_.problems.empty()) return std::move(found_);
    read_ids("user", found_.facts.user_ids);
    read_ids("session", found_.facts.session_ids);
    read_ids("account", found_.facts.account_ids);
    read_ids("verification", found_.facts.verification_ids);
    found_.facts.rate_limit_ids = found_.facts.user_ids;  // where the table is yet to be made
    read_ids("rateLimit", found_.facts.rate_limit_ids);
    check_reference("session");
    check_reference("account");
    for (const auto& need : kNeeds) check(need);
    for (const auto& column : catalogue_.numeric_times)
      problem("{} holds numbers, where the gateway and Better Auth's own SQLite adapter keep times as text", column);
    check_unwritten("session", kWrittenSession, true);
    check_unwritten("user", kWrittenUser, false);
    check_unwritten("account", kWrittenAccount, false);
    for (const auto& index : kIndexes) check(index);
    if (const auto* agent = catalogue_.find("session", "userAgent"))
      found_.facts.user_agent_characters_max = agent->characters_max;
    found_.facts.user_has_role = catalogue_.find("user", "role") != nullptr;
    return std::move(found_);
  }

 private:
  template <class... Values>
  void problem(fmt::format_string<const Values&...> text, const Values&... values) {
    found_.problems.push_back(fmt::format(text, values...));
  }

  // New tables would be made beside those that are in use, and everybody would be signed out.
  void check_schema() {
    if (catalogue_.shadowed_schema.empty() || catalogue_.has_table("user")) return;
    problem(
        "the table \"user\" is in the schema {0}, but search_path has {1} before it, where new tables would be made; "
        "add ?options=-c search_path={0} to the URL to use it",
        catalogue_.shadowed_schema, catalogue_.schema);
  }

  // Of a table that only shares its name, or has its columns under other names, nothing else needs to be said.
  void check_marks() {
    if (!catalogue_.renamed_user.empty())
      problem(
          "there is no table \"user\", but \"{}\" looks like it: tables under other names (modelName, usePlural) are "
          "not served",
          catalogue_.renamed_user);
    std::string_view told;
    for (const auto& mark : kMarks) {
      if (told == mark.table || !catalogue_.has_table(mark.table)) continue;
      if (catalogue_.find(mark.table, mark.column) != nullptr) continue;
      told = mark.table;
      problem(
          "the table \"{0}\" has no column \"{1}\": it is not Better Auth's, or has its columns under other names, "
          "which "
          "are not served",
          mark.table, mark.column);
    }
  }

  void read_ids(const char* table, IdKind& kind) {
    const auto* id = catalogue_.find(table, "id");
    if (id == nullptr) return;
    if (const auto known = kind_of(catalogue_.engine, *id)) {
      kind = *known;
    } else if (is_integer(id->type)) {
      problem("{} is of type {} without a default, so nobody makes its values", name_of(*id), id->type);
    } else {
      problem(
          "{} is of type {}; it must be text or varchar (of at least 32 characters), uuid, or an integer that the "
          "database counts",
          name_of(*id), type_of(*id));
    }
  }

  void check_reference(const char* table) {
    const auto* own = catalogue_.find(table, "userId");
    const auto* id = catalogue_.find("user", "id");
    if (catalogue_.engine == Engine::sqlite || own == nullptr || id == nullptr) return;
    const bool same = own->type == id->type || (is_text(own->type) && is_text(id->type)) ||
                      (is_integer(own->type) && is_integer(id->type));
    if (!same) problem("{} is of type {}, but user.\"id\" is of type {}", name_of(*own), own->type, id->type);
  }

  void check(const Need& need) {
    const auto* column = catalogue_.find(need.table, need.column);
    if (column == nullptr) return;
    const bool too_short = column->characters_max != 0 && column->characters_max < need.characters;
    if (can_hold(catalogue_.engine, need.holds, column->type) && !too_short) return;
    problem("{} is of type {}; it must be {}{}", name_of(*column), type_of(*column), wanted_types(need.holds),
            too_short ? fmt::format(" of at least {} characters", need.characters) : "");
  }

  template <std::size_t size>
  void check_unwritten(const char* table, const std::array<std::string_view, size>& written, bool needed) {
    for (const auto& column : catalogue_.columns) {
      if (column.table != table || !column.required || column.has_default) continue;
      if (std::ranges::find(written, column.name) != written.end()) continue;
      if (std::ranges::find(written_, std::pair(column.table, column.name)) != written_.end()) continue;
      const auto text =
          fmt::format("{} is required and has no default, and the gateway never writes it, so nobody can {}",
                      name_of(column), needed ? "sign in" : "sign up");
      (needed ? found_.problems : found_.advice)
          .push_back(text + fmt::format("; ALTER TABLE \"{}\" ALTER COLUMN \"{}\" DROP NOT NULL, or give it a default",
                                        column.table, column.name));
    }
  }

  void check(const WantedIndex& wanted) {
    if (catalogue_.find(wanted.table, wanted.column) == nullptr) return;
    const bool there = std::ranges::any_of(catalogue_.indexes, [&](const Index& index) {
      return index.table == wanted.table && index.column == wanted.column && (index.unique || !wanted.unique);
    });
    if (there) return;
    const bool postgres = catalogue_.engine == Engine::postgres;
    const auto schema = postgres && catalogue_.schema != "public" ? "\"" + catalogue_.schema + "\"." : "";
    found_.advice.push_back(fmt::format(
        "there is no {}index on {}.\"{}\": {}. Run: CREATE {}INDEX {}\"{}\" ON {}\"{}\" (\"{}\");",
        wanted.unique ? "unique " : "", wanted.table, wanted.column, wanted.why, wanted.unique ? "UNIQUE " : "",
        postgres ? "CONCURRENTLY " : "", wanted.name, schema, wanted.table, wanted.column));
  }

  static std::string type_of(const Column& column) {
    return column.characters_max == 0 ? column.type : fmt::format("{}({})", column.type, column.characters_max);
  }

  const Catalogue& catalogue_;
  const WrittenColumns& written_;
  Adoption found_;
};

}  // namespace

Adoption judge_adoption(const Catalogue& catalogue, const WrittenColumns& written) {
  return Judge(catalogue, written).judge();
}

std::string describe_problems(const std::vector<std::string>& problems) {
  std::string text = "the database cannot be served as it is: ";
  for (const auto& problem : problems) {
    if (&problem != &problems.front()) text += "; ";
    text += problem;
  }
  return text;
}

}  // namespace gatehouse::storage
