// What an attack has shown: for people, and as JSON for whoever keeps it. No cookie, token or key is in either.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace gatehouse::attack {

struct Failure {
  std::string name;
  int threat = 0;
  std::string problem;
  std::string sent = {};                  // escaped and shortened
  std::string answered = {};              // likewise
  std::vector<std::string> arrived = {};  // one line for each request
};

struct GroupCount {
  std::string title;
  int vectors = 0;
  int refused = 0;    // held: nothing arrived
  int forwarded = 0;  // held: what arrived is in order
  int got_through = 0;
  int unclear = 0;
};

struct Report {
  std::string target;
  bool has_witness = false;
  double seconds = 0;
  std::map<char, GroupCount> groups;
  std::vector<Failure> failures;
  std::vector<Failure> unclear;
  std::vector<std::string> notes;  // what was not tried, and why
  std::string broken_off;          // why the rest of the vectors was not tried; empty: all were

  int vectors() const;
  // 0 the boundary held, 1 a vector got through, 2 not everything could be judged.
  int exit_code() const;
  std::string to_text() const;
  std::string to_json() const;
};

// One line: control bytes and what is not ASCII as escapes, at most `bytes_max`, and these secrets as "(secret)".
std::string show(std::string text, const std::vector<std::string>& secrets, std::size_t bytes_max = 480);

}  // namespace gatehouse::attack
