#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "base/ascii.hpp"
#include "base/check.hpp"
#include "base/failure.hpp"
#include "outbound/http_client.hpp"

namespace gatehouse::outbound {

namespace {

using SteadyTime = std::chrono::steady_clock::time_point;
constexpr std::size_t kHeadMax = 64 * 1024;
constexpr std::size_t kFieldMax = 16 * 1024;
constexpr std::size_t kIdleConnections = 32;
constexpr std::chrono::milliseconds kRound{1'000};

std::exception_ptr make_failure(int status, const char* reason, std::string detail) {
  return std::make_exception_ptr(Failure(status, reason, detail));
}

// scheme://host:port as written, which is enough to keep those apart that are slow for different reasons.
std::string origin_of(std::string_view url) {
  const auto scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return std::string(url);
  return to_lower(url.substr(0, url.find_first_of("/?#", scheme_end + 3)));
}

std::optional<IpAddress> read_address(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof v4);
    return IpAddress::v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, address, sizeof v6);
    std::array<unsigned char, 16> bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return IpAddress::v6(bytes);
  }
  return std::nullopt;
}

// Tokens in header fields may come from clients. curl would send a line end as it is: what follows would be a field, or
// a request, of its own.
bool can_be_sent(const HttpRequest& request) {
  return std::ranges::all_of(request.headers, [](const auto& field) {
    const auto& [name, value] = field;
    const auto is_text = [](char c) { return (c >= 0x20 && c != 0x7F) || c == '\t'; };
    return name.size() + value.size() <= kFieldMax && std::ranges::all_of(value, is_text);
  });
}

struct Call {
  HttpRequest request;
  HttpClient::Completion completion;
  std::string origin;
  SteadyTime deadline;
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  HttpResponse response;
  std::size_t head_bytes = 0;
  bool too_large = false;
  bool refused_peer = false;
  bool reached_peer = false;

  Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() {
    if (easy != nullptr) curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
  }
};

std::size_t on_body(char* data, std::size_t, std::size_t size, void* object) {
  auto& call = *static_cast<Call*>(object);
  if (call.response.body.size() + size > call.request.answer_max) {
    call.too_large = true;
    return CURL_WRITEFUNC_ERROR;
  }
  call.response.body.append(data, size);
  return size;
}

std::size_t on_head(char*, std::size_t, std::size_t size, void* object) {
  auto& call = *static_cast<Call*>(object);
  call.head_bytes += size;
  if (call.head_bytes <= kHeadMax) return size;
  call.too_large = true;
  return 0;
}

curl_socket_t on_connect(void* object, curlsocktype, curl_sockaddr* peer) {
  auto& call = *static_cast<Call*>(object);
  const auto address = read_address(&peer->addr);
  if (!address || (!call.request.reach.private_network && !is_public(*address))) {
    call.refused_peer = true;
    return CURL_SOCKET_BAD;
  }
  call.reached_peer = true;
  return ::socket(peer->family, peer->socktype | SOCK_CLOEXEC, peer->protocol);
}

// Every option is set by its name; one that this libcurl does not know would leave a defence out.
template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  GATEHOUSE_CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK);
}

void prepare(Call& call, const std::string& ca_file, std::chrono::milliseconds left) {
  call.easy = curl_easy_init();
  GATEHOUSE_CHECK(call.easy != nullptr);
  CURL* easy = call.easy;
  const auto& request = call.request;
  const char* schemes = request.reach.insecure_http ? "https,http" : "https";
  set(easy, CURLOPT_URL, request.url.c_str());
  set(easy, CURLOPT_PROTOCOLS_STR, schemes);
  set(easy, CURLOPT_FOLLOWLOCATION, 0L);
  set(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  set(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!ca_file.empty()) set(easy, CURLOPT_CAINFO, ca_file.c_str());
  set(easy, CURLOPT_NOSIGNAL, 1L);
  // A name server that does not answer holds up its own call, not the thread.
  set(easy, CURLOPT_QUICK_EXIT, 1L);
  // GitHub answers nobody without one.
  set(easy, CURLOPT_USERAGENT, "gatehouse");
  set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  // The peer that is judged must be the one that answers: no proxy of the environment in between.
  set(easy, CURLOPT_PROXY, "");
  set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(left.count()));
  set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(left.count()));
  set(easy, CURLOPT_OPENSOCKETFUNCTION, on_connect);
  set(easy, CURLOPT_OPENSOCKETDATA, static_cast<void*>(&call));
  // A connection that was opened to a private address must not serve a request that may not reach one.
  set(easy, CURLOPT_FORBID_REUSE, request.reach.private_network ? 1L : 0L);
  set(easy, CURLOPT_WRITEFUNCTION, on_body);
  set(easy, CURLOPT_WRITEDATA, static_cast<void*>(&call));
  set(easy, CURLOPT_HEADERFUNCTION, on_head);
  set(easy, CURLOPT_HEADERDATA, static_cast<void*>(&call));
  set(easy, CURLOPT_PRIVATE, static_cast<void*>(&call));
  for (const auto& [name, value] : request.headers) {
    call.headers = curl_slist_append(call.headers, (name + ": " + value).c_str());
  }
  if (request.method == "POST") {
    set(easy, CURLOPT_POST, 1L);
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(easy, CURLOPT_POSTFIELDS, request.body.c_str());
    call.headers = curl_slist_append(call.headers, "Expect:");
  }
  set(easy, CURLOPT_HTTPHEADER, call.headers);
}

// What curl says, without anything of the URL's query or the answer.
std::exception_ptr explain(const Call& call, CURLcode result) {
  if (call.too_large) return make_failure(502, "outbound_too_large", call.origin + " sent too long an answer");
  if (call.refused_peer) return make_failure(502, "outbound_refused", call.origin + " is no public address");
  if (result == CURLE_OPERATION_TIMEDOUT) return make_failure(504, "outbound_timeout", call.origin + " is too slow");
  // The same word stands for an answer that is no HTTP.
  const bool is_scheme = result == CURLE_UNSUPPORTED_PROTOCOL && !call.reached_peer;
  if (is_scheme || result == CURLE_URL_MALFORMAT) return make_failure(502, "outbound_refused", "no https URL");
  return make_failure(502, "outbound_unreachable", call.origin + ": " + curl_easy_strerror(result));
}

}  // namespace

class CurlHttpClient::Engine {
 public:
  explicit Engine(HttpClientSettings settings) : settings_(std::move(settings)) {
    GATEHOUSE_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    multi_ = curl_multi_init();
    GATEHOUSE_CHECK(multi_ != nullptr);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(kIdleConnections));
    thread_ = std::thread([this] { work(); });
  }

  ~Engine() {
    stop();
    curl_multi_cleanup(multi_);
    curl_global_cleanup();
  }

  void submit(std::unique_ptr<Call> call) {
    std::exception_ptr refusal;
    {
      const std::lock_guard lock(mutex_);
      Load& load = loads_[call->origin];
      if (!can_be_sent(call->request)) {
        ++counts_.failed;
        refusal = make_failure(502, "outbound_refused", call->origin + ": a header field that is none");
        forget_idle(call->origin);
      } else if (stopping_) {
        refusal = make_failure(503, "shutting_down", "the gateway is shutting down");
      } else if (load.waiting >= settings_.waiting_of_origin_max + settings_.parallel_of_origin_max) {
        ++counts_.busy;
        refusal = make_failure(503, "outbound_busy", call->origin + ": too many calls wait");
      } else {
        ++load.waiting;
        waiting_.push_back(std::move(call));
      }
    }
    if (refusal) {
      call->completion(std::move(refusal), {});
    } else {
      curl_multi_wakeup(multi_);
    }
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    curl_multi_wakeup(multi_);
    if (thread_.joinable()) thread_.join();
  }

  Counts counts() const {
    const std::lock_guard lock(mutex_);
    Counts counts = counts_;
    counts.under_way = under_way_count_;
    counts.waiting = waiting_.size();
    return counts;
  }

 private:
  struct Load {
    std::size_t waiting = 0;
    std::size_t under_way = 0;
  };

  void work() {
    while (!is_stopping()) {
      start_waiting();
      int running = 0;
      curl_multi_perform(multi_, &running);
      collect();
      // What ended made room; what came meanwhile has woken the poll.
      curl_multi_poll(multi_, nullptr, 0, next_wait(), nullptr);
    }
    fail_all();
  }

  bool is_stopping() const {
    const std::lock_guard lock(mutex_);
    return stopping_;
  }

  // Those that wait are looked at again when their deadlines are near.
  int next_wait() const {
    const std::lock_guard lock(mutex_);
    bool can_start = false;
    auto wait = kRound;
    const auto now = std::chrono::steady_clock::now();
    for (const auto& call : waiting_) {
      can_start = can_start || has_room(*call);
      wait = std::min(wait, std::chrono::ceil<std::chrono::milliseconds>(call->deadline - now));
    }
    return can_start ? 0 : static_cast<int>(std::max<std::int64_t>(0, wait.count()));
  }

  bool has_room(const Call& call) const {
    const auto load = loads_.find(call.origin);
    return under_way_count_ < settings_.parallel_max &&
           (load == loads_.end() || load->second.under_way < settings_.parallel_of_origin_max);
  }

  void start_waiting() {
    std::vector<std::unique_ptr<Call>> late, ready;
    {
      const std::lock_guard lock(mutex_);
      const auto now = std::chrono::steady_clock::now();
      std::deque<std::unique_ptr<Call>> left;
      for (auto& call : waiting_) {
        const bool is_late = call->deadline <= now;
        if (!is_late && !has_room(*call)) {
          left.push_back(std::move(call));
          continue;
        }
        Load& load = loads_[call->origin];
        --load.waiting;
        if (is_late) {
          ++counts_.failed;
          forget_idle(call->origin);
          late.push_back(std::move(call));
        } else {
          ++load.under_way;
          ++under_way_count_;
          ready.push_back(std::move(call));
        }
      }
      waiting_ = std::move(left);
    }
    for (auto& call : late) call->completion(make_failure(504, "outbound_timeout", call->origin + " is too slow"), {});
    for (auto& call : ready) begin(std::move(call));
  }

  void begin(std::unique_ptr<Call> call) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(call->deadline - std::chrono::steady_clock::now());
    prepare(*call, settings_.ca_file, std::max(left, std::chrono::milliseconds(1)));
    CURL* easy = call->easy;
    under_way_.emplace(easy, std::move(call));
    GATEHOUSE_CHECK(curl_multi_add_handle(multi_, easy) == CURLM_OK);
  }

  void collect() {
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg == CURLMSG_DONE) finish(message->easy_handle, message->data.result);
    }
  }

  void finish(CURL* easy, CURLcode result) {
    curl_multi_remove_handle(multi_, easy);
    auto node = under_way_.extract(easy);
    Call& call = *node.mapped();
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    char* type = nullptr;
    curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
    if (type != nullptr) call.response.content_type = type;
    call.response.status = static_cast<int>(status);
    {
      const std::lock_guard lock(mutex_);
      ++(result == CURLE_OK ? counts_.answered : counts_.failed);
      --under_way_count_;
      --loads_[call.origin].under_way;
      forget_idle(call.origin);
    }
    if (result == CURLE_OK) {
      call.completion(nullptr, std::move(call.response));
    } else {
      call.completion(explain(call, result), {});
    }
  }

  void forget_idle(const std::string& origin) {
    const auto found = loads_.find(origin);
    if (found != loads_.end() && found->second.waiting == 0 && found->second.under_way == 0) loads_.erase(found);
  }

  void fail_all() {
    std::deque<std::unique_ptr<Call>> waiting;
    {
      const std::lock_guard lock(mutex_);
      waiting.swap(waiting_);
    }
    for (auto& [easy, call] : under_way_) {
      curl_multi_remove_handle(multi_, easy);
      waiting.push_back(std::move(call));
    }
    under_way_.clear();
    for (auto& call : waiting) call->completion(make_failure(503, "shutting_down", "the gateway is shutting down"), {});
  }

  const HttpClientSettings settings_;
  CURLM* multi_ = nullptr;
  mutable std::mutex mutex_;  // guards what follows, up to the thread's own
  bool stopping_ = false;
  std::deque<std::unique_ptr<Call>> waiting_;
  std::map<std::string, Load> loads_;
  std::size_t under_way_count_ = 0;
  Counts counts_;
  std::map<CURL*, std::unique_ptr<Call>> under_way_;  // the thread's own
  std::thread thread_;
};

CurlHttpClient::CurlHttpClient(HttpClientSettings settings) : engine_(std::make_unique<Engine>(std::move(settings))) {}

CurlHttpClient::~CurlHttpClient() = default;

void CurlHttpClient::start(HttpRequest request, Completion completion) {
  auto call = std::make_unique<Call>();
  call->origin = origin_of(request.url);
  call->deadline = std::chrono::steady_clock::now() + request.timeout;
  call->request = std::move(request);
  call->completion = std::move(completion);
  engine_->submit(std::move(call));
}

CurlHttpClient::Counts CurlHttpClient::counts() const {
  return engine_->counts();
}

void CurlHttpClient::stop() {
  engine_->stop();
}

}  // namespace gatehouse::outbound
