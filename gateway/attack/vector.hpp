// A vector: bytes that try to get across the trust boundary in one way, and what must come of them. Vectors are made by
// combination from tables (vectors_*.cpp), each with a name that stays the same from run to run and the number of the
// threat that it belongs to:
//
//   1–15 identity and internal headers, 16–31 framing, 32–45 path, target and host, 46–55 upgrades, 62–66 cookies
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::attack {

// In every value that the attacker makes up: nothing of it may arrive in a header field.
inline constexpr std::string_view kCanary = "spoofed";

enum class Route { required, open, optional };  // what the route asks of its callers; `open` is written `public`
enum class Caller { nobody, ada, bob };         // whose valid cookie is sent

// What is attacked, as the tables need it.
struct Target {
  std::string host;           // the Host field's value
  std::string origin;         // "https://gateway.example"
  std::string required_path;  // a route for signed-in users, for example /api/hello
  std::string open_path;
  std::string optional_path;  // empty: there is none, and what needs one is left out
  std::string ada_cookie;     // "name=value" of a session; empty: none, and what needs one is left out
  std::string bob_cookie;
  bool tls = false;
  std::string run;  // tells the requests of one run from another's

  const std::string& path(Route route) const;
  const std::string& cookie(Caller caller) const;
};

enum class Expect {
  refused,   // 4xx, 501 or 505 or no answer, the connection ends, nothing is forwarded
  denied,    // any answer but success, nothing is forwarded
  clean,     // denied, or forwarded once as the request that it is: with the gateway's fields alone
  disguise,  // denied, or forwarded once as something else than the protected path, in whatever reading
};

// A whole request that is sent and answered first, on the same connection.
struct Before {
  std::string bytes;
  Route route = Route::open;
  Caller caller = Caller::nobody;
};

struct Vector {
  std::string name;  // "2 x_user_id for X-User-ID, public"
  int threat = 0;
  Expect expect = Expect::clean;
  Route route = Route::open;       // what it asks for
  Caller caller = Caller::nobody;  // as whom it must arrive
  std::string bytes = {};
  std::vector<Before> before = {};
  bool tail = true;                      // an ordinary request follows at once in the same write
  bool incomplete = false;               // nothing follows: the sending side is closed
  bool is_head = false;                  // the answer has no body
  std::optional<std::string> body = {};  // what the upstream must have received
  int number = 0;                        // in the run; given by Vectors::add
};

// 'A', 'B', 'C', 'D' or 'F': the chapter of the threat.
char group_of(int threat);
std::string_view title_of(char group);

// Who a request is, in its field Probe: "run-number" and a letter: v the vector itself, b what goes before, t the tail,
// s one that is smuggled inside and must never be one, c a control.
std::string make_probe(const Target& target, int number, char role);

// The list under construction, with the pieces that all tables use.
class Vectors {
 public:
  explicit Vectors(const Target& target) : target_(target) {}

  const Target& target() const { return target_; }
  // Gives it its number. A vector whose session or route there is not is left out.
  void add(Vector vector);

  // Of the vector that is added next: "METHOD path HTTP/1.1", Host, Probe, the lines, an empty line, the body.
  std::string request(std::string_view method, std::string_view path, const std::vector<std::string>& lines,
                      std::string_view body = {}, char role = 'v') const;
  std::string get(Route route, const std::vector<std::string>& lines) const;
  // With a Content-Length that is right.
  std::string post(Route route, std::vector<std::string> lines, std::string_view body) const;
  std::string probe_line(char role) const;
  std::string host_line() const;
  // "Cookie: …"
  std::string cookie_line(Caller caller) const;
  // A whole request that hides in another one's body.
  std::string smuggled() const;

  std::vector<Vector> take() { return std::move(list_); }

 private:
  const Target& target_;
  std::vector<Vector> list_;
};

void add_header_vectors(Vectors& out);
void add_connection_vectors(Vectors& out);
void add_framing_vectors(Vectors& out);
void add_chunked_vectors(Vectors& out);
void add_head_vectors(Vectors& out);
void add_path_vectors(Vectors& out);
void add_host_vectors(Vectors& out);
void add_upgrade_vectors(Vectors& out);
void add_cookie_vectors(Vectors& out);

// All of them, in the order of the threats' groups.
std::vector<Vector> make_vectors(const Target& target);

}  // namespace gatehouse::attack
