#include "app/commands/arguments.hpp"

#include <CLI/CLI.hpp>

namespace gatehouse::app {

const Argument& Argument::required() const {
  option_->required();
  return *this;
}

const Argument& Argument::show_default() const {
  option_->capture_default_str();
  return *this;
}

const Argument& Argument::within(int least, int most) const {
  option_->check(CLI::Range(least, most));
  return *this;
}

const Argument& Argument::one_of(std::vector<std::string> words) const {
  option_->check(CLI::IsMember(std::move(words)));
  return *this;
}

const Argument& Argument::values(int least, int most) const {
  option_->expected(least, most);
  return *this;
}

const Argument& Argument::separated_by(char separator) const {
  option_->delimiter(separator);
  return *this;
}

const Argument& Argument::excludes(const Argument& other) const {
  option_->excludes(other.option_);
  return *this;
}

Argument Command::add(const std::string& name, std::string& value, const std::string& help) {
  return Argument(*parser_->add_option(name, value, help));
}

Argument Command::add(const std::string& name, std::optional<std::string>& value, const std::string& help) {
  return Argument(*parser_->add_option(name, value, help));
}

Argument Command::add(const std::string& name, std::vector<std::string>& value, const std::string& help) {
  return Argument(*parser_->add_option(name, value, help));
}

Argument Command::add(const std::string& name, int& value, const std::string& help) {
  return Argument(*parser_->add_option(name, value, help));
}

Argument Command::add(const std::string& name, std::vector<int>& value, const std::string& help) {
  return Argument(*parser_->add_option(name, value, help));
}

Argument Command::add(const std::string& name, bool& flag, const std::string& help) {
  return Argument(*parser_->add_flag(name, flag, help));
}

void Command::on_call(std::function<int()> work) {
  parser_->callback([work = std::move(work), exit_code = exit_code_] { *exit_code = work(); });
}

CommandLine::CommandLine(const std::string& help, const std::string& version)
    : parser_(std::make_unique<CLI::App>(help)) {
  parser_->require_subcommand(1);
  parser_->set_version_flag("--version", version);
}

CommandLine::~CommandLine() = default;

Command CommandLine::add(const std::string& name, const std::string& help) {
  return Command(*parser_->add_subcommand(name, help), exit_code_);
}

int CommandLine::run(int argc, char** argv) {
  try {
    parser_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return parser_->exit(error) == 0 ? 0 : 2;
  }
  return exit_code_;
}

}  // namespace gatehouse::app
