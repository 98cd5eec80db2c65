#include "sip/net/dns_channel.hpp"

#include <ares.h>
#include <netdb.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstring>
#include <unordered_map>
#include <utility>

namespace asio = boost::asio;

namespace sip::net {
namespace {

constexpr int class_in = 1;

// A socket of c-ares, which opens and closes it; we only wait on it.
struct Watched {
  explicit Watched(asio::io_context& io, int fd) : descriptor(io, fd) {}
  asio::posix::stream_descriptor descriptor;
  bool reads = false, writes = false;  // what c-ares wants to know
  bool reading = false, writing = false;
  bool gone = false;
};

void take_addresses(const hostent& host, DnsAnswer& out) {
  for (char** at = host.h_addr_list; *at; ++at) {
    if (host.h_addrtype == AF_INET6) {
      IpAddress::V6Bytes bytes;
      std::memcpy(bytes.data(), *at, bytes.size());
      out.addresses.push_back(IpAddress::v6(bytes));
    } else {
      IpAddress::V4Bytes bytes;
      std::memcpy(bytes.data(), *at, bytes.size());
      out.addresses.push_back(IpAddress::v4(bytes));
    }
  }
}

struct Query {
  DnsType type;
  DnsChannel::Done done;
};

}  // namespace

struct DnsChannel::Impl : std::enable_shared_from_this<Impl> {
  explicit Impl(asio::io_context& context) : io(context), timer(context) {}
  ~Impl() {
    if (channel) ares_destroy(channel);
  }

  void open(const std::string& servers, Duration try_within, int tries) {
    static const int library = ares_library_init(ARES_LIB_INIT_ALL);
    ares_options options{};
    options.timeout =
        static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(try_within).count());
    options.tries = tries;
    options.sock_state_cb = [](void* self, int fd, int reads, int writes) {
      static_cast<Impl*>(self)->watch(fd, reads != 0, writes != 0);
    };
    options.sock_state_cb_data = this;
    const int wanted = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
    int status = library;
    if (status == ARES_SUCCESS) status = ares_init_options(&channel, &options, wanted);
    if (status == ARES_SUCCESS && !servers.empty())
      status = ares_set_servers_ports_csv(channel, servers.c_str());
    if (status != ARES_SUCCESS) fault = "DNS servers " + servers + ": " + ares_strerror(status);
  }

  void watch(int fd, bool reads, bool writes) {
    auto& watched = sockets[fd];
    if (!watched) watched = std::make_shared<Watched>(io, fd);
    watched->reads = reads;
    watched->writes = writes;
    if (reads || writes) return wait(watched);
    watched->gone = true;
    watched->descriptor.release();
    sockets.erase(fd);
  }
  void wait(const std::shared_ptr<Watched>& w) {
    using Descriptor = asio::posix::stream_descriptor;
    if (w->reads && !std::exchange(w->reading, true))
      w->descriptor.async_wait(Descriptor::wait_read,
                               [weak = weak_from_this(), w](boost::system::error_code) {
                                 w->reading = false;
                                 if (const auto self = weak.lock()) self->on_ready(w, true);
                               });
    if (w->writes && !std::exchange(w->writing, true))
      w->descriptor.async_wait(Descriptor::wait_write,
                               [weak = weak_from_this(), w](boost::system::error_code) {
                                 w->writing = false;
                                 if (const auto self = weak.lock()) self->on_ready(w, false);
                               });
  }
  void on_ready(const std::shared_ptr<Watched>& w, bool readable) {
    if (w->gone || closed) return;
    const int fd = w->descriptor.native_handle();
    process(readable ? fd : ARES_SOCKET_BAD, readable ? ARES_SOCKET_BAD : fd);
    if (!w->gone && !closed) wait(w);
  }
  void process(int readable, int writable) {
    const auto self = shared_from_this();
    ++depth;
    ares_process_fd(channel, readable, writable);
    --depth;
    if (!closed) arm();
  }
  void arm() {
    timeval most{}, left{};
    most.tv_sec = 3600;
    const auto* until = ares_timeout(channel, &most, &left);
    timer.expires_after(std::chrono::seconds(until->tv_sec) +
                        std::chrono::microseconds(until->tv_usec) + std::chrono::milliseconds(1));
    timer.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
      const auto self = weak.lock();
      if (!ec && self && !self->closed && !self->sockets.empty())
        self->process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    });
  }
  bool ask_hosts_file(const DnsQuestion& question, DnsAnswer& out) const {
    if (question.type != DnsType::a && question.type != DnsType::aaaa) return false;
    hostent* host = nullptr;
    const int family = question.type == DnsType::a ? AF_INET : AF_INET6;
    if (ares_gethostbyname_file(channel, question.name.c_str(), family, &host) != ARES_SUCCESS)
      return false;
    take_addresses(*host, out);
    ares_free_hostent(host);
    return true;
  }
  static void on_answer(void* asked, int status, int, unsigned char* bytes, int size) {
    const std::unique_ptr<Query> query(static_cast<Query*>(asked));
    if (status == ARES_EDESTRUCTION || status == ARES_ECANCELLED) return;
    if (status == ARES_ENODATA || status == ARES_ENOTFOUND) return query->done(Outcome::absent, {});
    if (status != ARES_SUCCESS) return query->done(Outcome::failed, {});
    auto answer = parse_dns_answer(
        {reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)}, query->type);
    if (!answer) return query->done(Outcome::failed, {});
    const auto outcome = answer->empty() ? Outcome::absent : Outcome::answered;
    query->done(outcome, std::move(*answer));
  }
  // From inside c-ares the channel must not go: it does when `process` or `ask` lets go of us.
  void close() {
    closed = true;
    timer.cancel();
    if (depth == 0 && channel) ares_destroy(std::exchange(channel, nullptr));
  }

  asio::io_context& io;
  asio::steady_timer timer;
  ares_channel channel = nullptr;
  std::string fault;
  std::unordered_map<int, std::shared_ptr<Watched>> sockets;
  int depth = 0;  // of calls into c-ares
  bool closed = false;
};

DnsChannel::DnsChannel(asio::io_context& io, const std::string& servers, Duration try_within,
                       int tries)
    : impl_(std::make_shared<Impl>(io)) {
  impl_->open(servers, try_within, tries);
}

DnsChannel::~DnsChannel() {
  impl_->close();
}

const std::string& DnsChannel::fault() const {
  return impl_->fault;
}

void DnsChannel::ask(const DnsQuestion& question, Done done) {
  DnsAnswer known;
  if (!fault().empty()) return done(Outcome::failed, {});
  if (impl_->ask_hosts_file(question, known)) return done(Outcome::answered, std::move(known));
  auto query = std::make_unique<Query>(Query{question.type, std::move(done)});
  const auto impl = impl_;
  ++impl->depth;
  ares_query(impl->channel, question.name.c_str(), class_in, static_cast<int>(question.type),
             &Impl::on_answer, query.release());
  --impl->depth;
  if (!impl->closed) impl->arm();
}

}  // namespace sip::net
