// What the sub-commands say about their arguments. CLI11, which reads them, is included by arguments.cpp alone: it
// would cost every command more time to compile than all else in it.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace gatehouse::app {

// An option, a flag or a positional argument of a command. A copy means the same one.
class Argument {
 public:
  explicit Argument(CLI::Option& option) : option_(&option) {}

  const Argument& required() const;
  const Argument& show_default() const;  // in --help: what its value was when it was added
  const Argument& within(int least, int most) const;
  const Argument& one_of(std::vector<std::string> words) const;
  const Argument& values(int least, int most) const;   // how many it takes
  const Argument& separated_by(char separator) const;  // several values in one text
  const Argument& excludes(const Argument& other) const;

 private:
  CLI::Option* option_;
};

class Command {
 public:
  Command(CLI::App& parser, int& exit_code) : parser_(&parser), exit_code_(&exit_code) {}

  // A name without dashes is a positional argument. The value stays as it is where the argument is absent, and must
  // live until the command has run.
  Argument add(const std::string& name, std::string& value, const std::string& help);
  Argument add(const std::string& name, std::optional<std::string>& value, const std::string& help);
  Argument add(const std::string& name, std::vector<std::string>& value, const std::string& help);
  Argument add(const std::string& name, int& value, const std::string& help);
  Argument add(const std::string& name, std::vector<int>& value, const std::string& help);
  Argument add(const std::string& name, bool& flag, const std::string& help);

  // What it does; the result is the exit code.
  void on_call(std::function<int()> work);

 private:
  CLI::App* parser_;
  int* exit_code_;
};

class CommandLine {
 public:
  CommandLine(const std::string& help, const std::string& version);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  Command add(const std::string& name, const std::string& help);

  // Does what the arguments ask for. The exit code is the command's; 2: wrong usage.
  int run(int argc, char** argv);

 private:
  std::unique_ptr<CLI::App> parser_;
  int exit_code_ = 0;
};

}  // namespace gatehouse::app
