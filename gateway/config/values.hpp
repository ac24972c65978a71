// How one value of the configuration is written: for each type its parser, its way back to text (defaults in the
// documents), and what the JSON Schema says of it. A type of value is a struct here; the key tables name it, or its C++
// type does.
#pragma once
#include <algorithm>
#include <array>
#include <charconv>
#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "base/ip_address.hpp"
#include "base/secret.hpp"
#include "config/configuration.hpp"

namespace gatehouse::config {

// What documents and schema say of a type of value.
struct ValueType {
  std::string name;                // "duration"
  std::string json_type;           // string, boolean, integer
  std::string pattern;             // of the text, ECMA 262; empty: any
  std::vector<std::string> words;  // the only values; empty: any
  bool secret = false;
  std::string json = {};  // the whole JSON Schema, where the fields above do not say it
};

// Errors end a sentence that starts with the value: "'5' is …".
template <class T>
using Parsed = std::expected<T, std::string>;

struct TextValue {
  using Type = std::string;
  static ValueType type() { return {"text", "string", "", {}, false, {}}; }
  static Parsed<Type> parse(std::string_view text) { return Type(text); }
  static std::string print(const Type& value) { return value; }
};

struct SecretValue {
  using Type = Secret;
  static ValueType type() { return {"secret", "string", "", {}, true, {}}; }
  static Parsed<Type> parse(std::string_view text) { return Secret(std::string(text)); }
  static std::string print(const Type&) { return ""; }
};

// Versions of the secret: "2:new,1:old".
struct SecretVersionsValue {
  using Type = SecretVersions;
  static ValueType type() { return {"secret", "string", "", {}, true, {}}; }
  static Parsed<Type> parse(std::string_view text);
  static std::string print(const Type&) { return ""; }
};

// true and false; also on and off, as YAML 1.1 reads them.
struct BooleanValue {
  using Type = bool;
  static ValueType type() { return {"true / false", "boolean", "^(true|false|on|off)$", {}, false, {}}; }
  static Parsed<Type> parse(std::string_view text);
  static std::string print(const Type& value) { return value ? "true" : "false"; }
};

struct CountValue {
  using Type = std::uint32_t;
  static ValueType type() { return {"number", "integer", "^[0-9]+$", {}, false, {}}; }
  static Parsed<Type> parse(std::string_view text);
  static std::string print(const Type& value) { return std::to_string(value); }
};

// Bytes: 32KiB 10MiB 1GiB 512B, or 0.
struct SizeValue {
  using Type = std::uint64_t;
  static ValueType type() { return {"size", "string", "^(0|[0-9]+(B|KiB|MiB|GiB))$", {}, false, {}}; }
  static Parsed<Type> parse(std::string_view text);
  static std::string print(const Type& value);
};

// 500ms 10s 5m 2h 7d, or 0.
Parsed<milliseconds> parse_duration(std::string_view text);
std::string print_duration(milliseconds value);

struct MillisecondsValue {
  using Type = milliseconds;
  static ValueType type() { return {"duration", "string", "^(0|[0-9]+(ms|s|m|h|d))$", {}, false, {}}; }
  static Parsed<Type> parse(std::string_view text) { return parse_duration(text); }
  static std::string print(const Type& value) { return print_duration(value); }
};

struct SecondsValue {
  using Type = seconds;
  static ValueType type() { return {"duration", "string", "^(0|[0-9]+(s|m|h|d))$", {}, false, {}}; }
  static Parsed<Type> parse(std::string_view text);
  static std::string print(const Type& value) { return print_duration(value); }
};

// A local address to listen on: "0.0.0.0:8443", "[::]:8443".
struct SocketAddressValue {
  using Type = SocketAddress;
  static ValueType type() { return {"address:port", "string", "^.+:[0-9]+$", {}, false, {}}; }
  static Parsed<Type> parse(std::string_view text);
  static std::string print(const Type& value);
};

struct OriginValue {
  using Type = Origin;
  static ValueType type() { return {"origin", "string", "^https?://[^/]+/?$", {}, false, {}}; }
  static Parsed<Type> parse(std::string_view text);
  static std::string print(const Type& value) { return value.host.empty() ? "" : value.to_string(); }
};

// address, or Name <address>.
struct MailboxValue {
  using Type = Mailbox;
  static ValueType type() { return {"mail address", "string", "@", {}, false, {}}; }
  static Parsed<Type> parse(std::string_view text);
  static std::string print(const Type& value) { return value.to_string(); }
};

struct HostValue {
  using Type = std::string;
  static ValueType type() { return {"host name", "string", "^[^:/ ]+$", {}, false, {}}; }
  static Parsed<Type> parse(std::string_view text);
  static std::string print(const Type& value) { return value; }
};

// An origin, or Better Auth's patterns: https://*.example.com, *.example.com, myapp://
struct OriginPatternValue {
  using Type = std::string;
  static ValueType type() { return {"origin or pattern", "string", "", {}, false, {}}; }
  static Parsed<Type> parse(std::string_view text);
  static std::string print(const Type& value) { return value; }
};

struct CidrValue {
  using Type = Cidr;
  static ValueType type() { return {"network", "string", "", {}, false, {}}; }
  static Parsed<Type> parse(std::string_view text);
  static std::string print(const Type& value);
};

// http(s)://host[:port] of an upstream's server.
struct ServerValue {
  using Type = Server;
  static ValueType type() { return {"URL", "string", "^https?://[^/]+/?$", {}, false, {}}; }
  static Parsed<Type> parse(std::string_view text);
  static std::string print(const Type& value);
};

struct PatternValue {
  using Type = std::string;
  static ValueType type() { return {"path pattern", "string", "^/", {}, false, {}}; }
  static Parsed<Type> parse(std::string_view text);
  static std::string print(const Type& value) { return value; }
};

struct PathValue {
  using Type = std::string;
  static ValueType type() { return {"path", "string", "^/", {}, false, {}}; }
  static Parsed<Type> parse(std::string_view text);
  static std::string print(const Type& value) { return value; }
};

// A path of this gateway, or a whole http(s) URL.
struct PathOrUrlValue {
  using Type = std::string;
  static ValueType type() { return {"path or URL", "string", "^(/|https?://)", {}, false, {}}; }
  static Parsed<Type> parse(std::string_view text);
  static std::string print(const Type& value) { return value; }
};

struct MethodValue {
  using Type = std::string;
  static ValueType type() { return {"method", "string", "^[A-Z]+$", {}, false, {}}; }
  static Parsed<Type> parse(std::string_view text);
  static std::string print(const Type& value) { return value; }
};

struct HeaderNameValue {
  using Type = std::string;
  static ValueType type() { return {"header name", "string", "^[A-Za-z0-9-]+$", {}, false, {}}; }
  static Parsed<Type> parse(std::string_view text);
  static std::string print(const Type& value) { return value; }
};

// Letters, digits, _ and -: names of upstreams, cookie prefixes.
struct NameValue {
  using Type = std::string;
  static ValueType type() { return {"name", "string", "^[A-Za-z0-9_-]+$", {}, false, {}}; }
  static Parsed<Type> parse(std::string_view text);
  static std::string print(const Type& value) { return value; }
};

// A value out of a fixed list. An Enumeration has `using Type` and `static constexpr std::array kWords{Word<Type>{…}}`.
template <class E>
struct Word {
  std::string_view text;
  E value;
};

template <class Enumeration>
struct WordValue {
  using Type = typename Enumeration::Type;
  static ValueType type() {
    ValueType type{"word", "string", "", {}, false, {}};
    for (const auto& word : Enumeration::kWords) type.words.emplace_back(word.text);
    return type;
  }
  static Parsed<Type> parse(std::string_view text) {
    std::string error = "is none of ";
    for (const auto& word : Enumeration::kWords) {
      if (word.text == text) return word.value;
      error += &word == Enumeration::kWords.data() ? "" : ", ";
      error += word.text;
    }
    return std::unexpected(error);
  }
  static std::string print(const Type& value) {
    for (const auto& word : Enumeration::kWords)
      if (word.value == value) return std::string(word.text);
    return {};
  }
};

// The value of a type whose C++ type says enough.
template <class T>
struct ValueOf;
template <>
struct ValueOf<std::string> : TextValue {};
template <>
struct ValueOf<Secret> : SecretValue {};
template <>
struct ValueOf<SecretVersions> : SecretVersionsValue {};
template <>
struct ValueOf<bool> : BooleanValue {};
template <>
struct ValueOf<std::uint32_t> : CountValue {};
template <>
struct ValueOf<std::uint64_t> : SizeValue {};
template <>
struct ValueOf<seconds> : SecondsValue {};
template <>
struct ValueOf<milliseconds> : MillisecondsValue {};
template <>
struct ValueOf<SocketAddress> : SocketAddressValue {};
template <>
struct ValueOf<Origin> : OriginValue {};
template <>
struct ValueOf<Mailbox> : MailboxValue {};
template <>
struct ValueOf<Cidr> : CidrValue {};
template <>
struct ValueOf<Server> : ServerValue {};

}  // namespace gatehouse::config
