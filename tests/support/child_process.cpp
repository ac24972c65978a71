#include "tests/support/child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace gatehouse::tests {

namespace {

std::string find_program(const std::string& name) {
  if (name.contains('/')) return name;
  std::istringstream path(getenv("PATH") == nullptr ? "" : getenv("PATH"));
  for (std::string folder; std::getline(path, folder, ':');) {
    auto program = folder + "/" + name;
    if (access(program.c_str(), X_OK) == 0) return program;
  }
  throw std::runtime_error(name + " is not installed");
}

}  // namespace

ChildProcess::ChildProcess(std::vector<std::string> arguments, std::filesystem::path folder)
    : folder_(std::move(folder)) {
  arguments.front() = find_program(arguments.front());
  std::vector<char*> raw;
  for (auto& argument : arguments) raw.push_back(argument.data());
  raw.push_back(nullptr);
  const std::string log_path = folder_ / "log";
  const std::string folder_path = folder_;
  const pid_t parent = getpid();
  id_ = fork();
  if (id_ < 0) throw std::runtime_error("fork failed");
  if (id_ > 0) return;
  const int output = open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  dup2(output, 1);
  dup2(output, 2);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent || chdir(folder_path.c_str()) != 0) _exit(126);
  execv(raw[0], raw.data());
  _exit(127);
}

ChildProcess::~ChildProcess() {
  kill();
}

bool ChildProcess::running() {
  if (id_ != 0 && waitpid(id_, nullptr, WNOHANG) != 0) id_ = 0;
  return id_ != 0;
}

void ChildProcess::signal(int number) {
  if (id_ != 0) ::kill(id_, number);
}

void ChildProcess::kill() {
  if (id_ == 0) return;
  ::kill(id_, SIGKILL);
  waitpid(id_, nullptr, 0);
  id_ = 0;
}

std::string ChildProcess::log() const {
  std::ostringstream text;
  text << std::ifstream(folder_ / "log").rdbuf();
  return text.str();
}

}  // namespace gatehouse::tests
