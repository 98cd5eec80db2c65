// A user agent in one page: calls somebody, talks for a second, hangs up; or answers calls.
//   uac_call call 127.0.0.1:25060 bob      calls sip:bob@127.0.0.1:25060
//   uac_call answer 25060                  answers on that port, until one call has ended
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "sip/net/endpoint_driver.hpp"

namespace {

const std::string session =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 40000 RTP/AVP 8\r\n";

class Phone final : sip::net::EndpointUser {
 public:
  explicit Phone(boost::asio::io_context& io)
      : io_(io), talk_(io), driver_(io, {}, sip::net::random_seed(), *this) {}

  bool listen(std::uint16_t port) {
    return driver_.listen_udp({sip::IpAddress::loopback(), port}).has_value();
  }

  void call(const sip::Address& where, const std::string& user) {
    sip::InviteSpec invite;
    invite.request_uri = "sip:" + user + "@" + sip::to_string(where);
    invite.from = "<sip:uac@127.0.0.1>";
    invite.to = "<" + invite.request_uri + ">";
    invite.destination = driver_.flow_to(sip::Transport::udp, where);
    invite.body = session;
    driver_.run([&](auto& endpoint, auto now, auto& out) { endpoint.invite(invite, now, out); });
  }

  int exit_code() const { return exit_code_; }

 private:
  void on_event(const sip::Event& event) override {
    std::visit([this](const auto& e) { on(e); }, event);
  }
  void on(const sip::event::CallProgress& e) { std::printf("%d\n", e.status); }
  void on(const sip::event::CallAnswered& e) {
    std::printf("answered\n");
    talk_.expires_after(std::chrono::seconds(1));
    talk_.async_wait([this, call = e.call](boost::system::error_code) {
      driver_.run([&](auto& endpoint, auto now, auto& out) { endpoint.hang_up(call, now, out); });
    });
  }
  void on(const sip::event::CallFailed& e) {
    std::printf("failed: %d, %s\n", e.status, std::string(to_string(e.cause)).c_str());
    end(1);
  }
  void on(const sip::event::CallEnded& e) {
    std::printf("ended: %s\n", std::string(to_string(e.by)).c_str());
    end(0);
  }
  void on(const sip::event::IncomingCall& e) {
    sip::ResponseSpec ok;
    ok.content_type = "application/sdp";
    ok.body = session;
    driver_.run(
        [&](auto& endpoint, auto now, auto& out) { endpoint.answer(e.call, ok, now, out); });
  }
  template <class Other>
  void on(const Other&) {}  // nothing that this phone cares for

  void end(int exit_code) {
    exit_code_ = exit_code;
    io_.stop();
  }

  boost::asio::io_context& io_;
  boost::asio::steady_timer talk_;
  sip::net::EndpointDriver driver_;
  int exit_code_ = 1;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 2 ? argv[1] : "";
  const auto where = sip::Address::parse(mode == "call" ? argv[2] : "127.0.0.1:5060");
  if ((mode != "call" && mode != "answer") || !where) return 2;
  boost::asio::io_context io;
  Phone phone(io);
  if (!phone.listen(mode == "answer" ? static_cast<std::uint16_t>(std::atoi(argv[2])) : 0))
    return 1;
  if (mode == "call") phone.call(*where, argc > 3 ? argv[3] : "bob");
  io.run();
  return phone.exit_code();
}
