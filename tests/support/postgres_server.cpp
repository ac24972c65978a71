#include "tests/support/postgres_server.hpp"

#include <fcntl.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <random>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

namespace gatehouse::tests {

namespace {

constexpr const char* kUser = "gatehouse";
constexpr const char* kPassword = "p@ss/w:rd %";
constexpr const char* kEncodedPassword = "p%40ss%2Fw%3Ard%20%25";
constexpr auto kPatience = std::chrono::seconds{30};

std::filesystem::path find_program(const std::string& name) {
  std::vector<std::filesystem::path> folders;
  std::error_code none;
  for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", none))
    folders.push_back(version.path() / "bin");
  std::istringstream path(getenv("PATH") == nullptr ? "" : getenv("PATH"));
  for (std::string folder; std::getline(path, folder, ':');) folders.emplace_back(folder);
  for (const auto& folder : folders) {
    if (access((folder / name).c_str(), X_OK) == 0) return folder / name;
  }
  throw std::runtime_error(name + " is not installed (package postgresql)");
}

const passwd* unprivileged_user() {
  if (geteuid() != 0) return nullptr;
  const passwd* user = getpwnam("postgres");
  if (user == nullptr) throw std::runtime_error("there is no user postgres, and PostgreSQL refuses to run as root");
  return user;
}

// Its output goes to `log`. It gets a signal when this process ends in whatever way.
pid_t spawn(std::vector<std::string> arguments, const std::string& log) {
  std::vector<char*> raw;
  for (auto& argument : arguments) raw.push_back(argument.data());
  raw.push_back(nullptr);
  const passwd* user = unprivileged_user();
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child != 0) return child;
  const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  dup2(output, 1);
  dup2(output, 2);
  if (user != nullptr && (setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)) _exit(126);
  prctl(PR_SET_PDEATHSIG, SIGQUIT);
  if (getppid() != parent || chdir("/") != 0) _exit(126);
  execv(raw[0], raw.data());
  _exit(127);
}

// Below the ephemeral range: a client that connects to a dead port inside that range can meet itself.
std::uint16_t find_free_port() {
  std::random_device random;
  for (;;) {
    const auto port = static_cast<std::uint16_t>(23'000 + random() % 9'000);
    const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool free = bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    close(probe);
    if (free) return port;
  }
}

void execute(const std::string& url, const std::string& sql) {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(url.c_str()), &PQfinish);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), sql.c_str()), &PQclear);
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) throw std::runtime_error(PQerrorMessage(connection.get()));
}

}  // namespace

PostgresServer::PostgresServer() {
  create_cluster();
  // Another program may take the port between the look and the start.
  for (int attempts = 1; server_ == 0; ++attempts) {
    port_ = find_free_port();
    try {
      start();
    } catch (const std::runtime_error&) {
      if (attempts == 3) throw;
    }
  }
}

PostgresServer::~PostgresServer() {
  if (server_ == 0) return;
  ::kill(server_, SIGQUIT);
  ::kill(server_, SIGCONT);
  waitpid(server_, nullptr, 0);
}

PostgresServer& PostgresServer::shared() {
  static PostgresServer server;
  return server;
}

void PostgresServer::create_cluster() {
  const auto password = folder_.path() / "password";
  std::ofstream(password) << kPassword << "\n";
  if (const passwd* user = unprivileged_user()) {
    if (chown(folder_.path().c_str(), user->pw_uid, user->pw_gid) != 0 ||
        chown(password.c_str(), user->pw_uid, user->pw_gid) != 0) {
      throw std::runtime_error("cannot give a folder to the user postgres");
    }
  }
  const pid_t initdb = spawn(
      {find_program("initdb"), "--pgdata", folder_.path() / "data", "--username", kUser, "--pwfile", password,
       "--auth-host", "scram-sha-256", "--auth-local", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"},
      folder_.path() / "log");
  int status = 0;
  waitpid(initdb, &status, 0);
  if (status != 0) throw std::runtime_error("initdb failed: " + read_log());
}

// The last processes of a server that was killed may hold its shared memory for a moment longer than it lived.
void PostgresServer::start() {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    const auto told_before = read_log().size();
    server_ = spawn({find_program("postgres"), "-D", folder_.path() / "data", "-p", std::to_string(port_), "-k",
                     folder_.path(), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "shared_buffers=16MB",
                     "-c", "max_connections=60", "-c", "timezone=Asia/Kathmandu", "-c", "datestyle=German"},
                    folder_.path() / "log");
    if (wait_until_ready()) return;
    if (server_ != 0) kill();
    const bool lingers = read_log().find("pre-existing shared memory block", told_before) != std::string::npos;
    if (!lingers || std::chrono::steady_clock::now() > end)
      throw std::runtime_error("PostgreSQL did not start: " + read_log());
    std::this_thread::sleep_for(std::chrono::milliseconds{50});
  }
}

bool PostgresServer::wait_until_ready() {
  const std::string url =
      "host=" + folder_.path().string() + " dbname=postgres user=gatehouse port=" + std::to_string(port_);
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < end) {
    if (PQping(url.c_str()) == PQPING_OK) return true;
    if (waitpid(server_, nullptr, WNOHANG) != 0) {
      server_ = 0;
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  return false;
}

std::string PostgresServer::read_log() const {
  std::ostringstream text;
  text << std::ifstream(folder_.path() / "log").rdbuf();
  return text.str();
}

std::string PostgresServer::create_database() {
  const std::string name = "test" + std::to_string(++databases_);
  const std::string server =
      "postgres://" + std::string(kUser) + ":" + kEncodedPassword + "@127.0.0.1:" + std::to_string(port_) + "/";
  execute(server + "postgres", "CREATE DATABASE " + name);
  return server + name;
}

std::string PostgresServer::socket_url(const std::string& url) const {
  const auto name = url.substr(url.rfind('/') + 1);
  return "postgres://" + std::string(kUser) + "@/" + name + "?host=" + folder_.path().string() +
         "&port=" + std::to_string(port_);
}

void PostgresServer::use_tls(const std::string& certificate, const std::string& key) {
  const auto data = folder_.path() / "data";
  std::filesystem::copy_file(certificate, data / "server.crt");
  std::filesystem::copy_file(key, data / "server.key");
  for (const char* file : {"server.crt", "server.key"}) {
    std::filesystem::permissions(data / file, std::filesystem::perms::owner_read);
    const passwd* user = unprivileged_user();
    if (user != nullptr && chown((data / file).c_str(), user->pw_uid, user->pw_gid) != 0)
      throw std::runtime_error("cannot give a file to the user postgres");
  }
  std::ofstream(data / "postgresql.conf", std::ios::app) << "ssl = on\n";
}

void PostgresServer::kill() {
  // The children first: a postmaster that is gone lets them finish what they do.
  signal_all(SIGKILL);
  waitpid(server_, nullptr, 0);
  server_ = 0;
}

void PostgresServer::freeze() {
  signal_all(SIGSTOP);
}

void PostgresServer::thaw() {
  signal_all(SIGCONT);
}

void PostgresServer::signal_all(int signal) {
  if (signal != SIGCONT) ::kill(server_, SIGSTOP);
  const auto id = std::to_string(server_);
  std::ifstream list("/proc/" + id + "/task/" + id + "/children");
  for (pid_t child = 0; list >> child;) ::kill(child, signal);
  ::kill(server_, signal);
}

}  // namespace gatehouse::tests
