// Each eXosip2 call of the notes, and how the same is done here: sip/README.md points to the
// marks [..]. A program that runs: two user agents on the loopback ask each other and call.
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "sip/net/endpoint_driver.hpp"

namespace {

using sip::Endpoint;
using sip::Output;
using sip::TimePoint;

// [init] eXosip_malloc, eXosip_init, eXosip_listen_addr: an object; sockets by listen_*().
// [quit] eXosip_quit: its destructor, or close().
// [lock] eXosip_lock, eXosip_unlock: nothing to lock, one thread owns it; run() is the way in.
class Agent final : sip::net::EndpointUser {
 public:
  Agent(boost::asio::io_context& io, std::string name)
      : name_(std::move(name)), driver_(io, config(), sip::net::random_seed(), *this) {
    at_ = driver_.listen_udp({sip::IpAddress::loopback(), 0}).value();
  }

  // [user-agent] eXosip_set_user_agent (setUserAgent): a field of the configuration.
  static sip::EndpointConfig config() {
    sip::EndpointConfig c;
    c.user_agent = "Mapping/1.0";
    return c;
  }

  // [message] eXosip_message_build_request, eXosip_message_send_request.
  void ask(const Agent& peer, std::string body) {
    sip::RequestSpec message;
    message.method = "MESSAGE";
    message.request_uri = peer.uri();
    message.from = "<" + uri() + ">";
    message.to = "<" + peer.uri() + ">";
    message.destination = driver_.flow_to(sip::Transport::udp, peer.at_);
    message.content_type =
        "Application/MANSCDP+xml";   // [content-type] osip_message_set_content_type
    message.body = std::move(body);  // [body] osip_message_set_body
    driver_.run(
        [&](Endpoint& e, TimePoint now, Output& out) { e.send_request(message, now, out); });
  }

  // [multipart] osip_message_set_body_mime: a body is bytes; parts are written by who knows them.
  static sip::RequestSpec with_parts(sip::RequestSpec request,
                                     const std::vector<std::string>& parts) {
    request.content_type = "multipart/mixed;boundary=part";
    for (const auto& part : parts) request.body += "--part\r\n" + part + "\r\n";
    request.body += "--part--\r\n";
    return request;
  }

  // [invite] eXosip_call_build_initial_invite, eXosip_call_send_initial_invite.
  void call(const Agent& peer) {
    sip::InviteSpec invite;
    invite.request_uri = peer.uri();
    invite.from = "<" + uri() + ">";
    invite.to = "<" + peer.uri() + ">";
    invite.destination = driver_.flow_to(sip::Transport::udp, peer.at_);
    invite.headers = {{"Subject", "34020000001320000001:1,34020000002000000001:0"}};
    invite.body = "v=0\r\n";
    driver_.run([&](Endpoint& e, TimePoint now, Output& out) { e.invite(invite, now, out); });
  }

  // [terminate] eXosip_call_terminate(callId, dialogId): CANCEL, BYE or a refusal, as it stands.
  void hang_up(sip::CallId call) {
    driver_.run([&](Endpoint& e, TimePoint now, Output& out) { e.hang_up(call, now, out); });
  }

  // [register] eXosip_register_build_initial_register, eXosip_register_send_register, and
  // [automatic] eXosip_automatic_action: refreshing and answering challenges is what the endpoint
  // does by itself, for whatever has credentials.
  void keep_registered(const sip::Flow& registrar) {
    sip::RegistrationSpec spec;
    spec.request.request_uri = "sip:example.org";
    spec.request.from = spec.request.to = "<" + uri() + ">";
    spec.request.contact = "<" + uri() + ">";
    spec.request.destination = registrar;
    spec.request.persistence.credentials = {name_, "secret"};
    driver_.run(
        [&](Endpoint& e, TimePoint now, Output& out) { e.keep_registered(spec, now, out); });
  }

  sip::Flow flow_to(const Agent& peer) const {
    return driver_.flow_to(sip::Transport::udp, peer.at_);
  }
  void close() { driver_.close(); }
  const std::string& heard() const { return heard_; }
  std::function<void()> on_end = [] {};

 private:
  // [event] eXosip_event_wait: events are handed over; the io_context waits.
  // [execute] eXosip_execute: timers and retransmissions run on the io_context too.
  void on_event(const sip::Event& event) override {
    std::visit([this](const auto& e) { on(e); }, event);
  }

  // [answer] eXosip_message_build_answer, eXosip_message_send_answer.
  void on(const sip::event::IncomingRequest& e) {
    heard_ += std::string(e.message->method_text()) + " ";
    sip::ResponseSpec ok;  // 200 without a body
    driver_.run([&](Endpoint& endpoint, TimePoint now, Output& out) {
      endpoint.respond(e.transaction, ok, now, out);
    });
  }
  // [call-answer] eXosip_call_build_answer, eXosip_call_send_answer.
  void on(const sip::event::IncomingCall& e) {
    heard_ += "INVITE ";
    sip::ResponseSpec ok;
    ok.content_type = "application/sdp";
    ok.body = "v=0\r\n";
    driver_.run([&](Endpoint& endpoint, TimePoint now, Output& out) {
      endpoint.answer(e.call, ok, now, out);
    });
  }
  void on(const sip::event::CallAnswered& e) {  // eXosip_call_send_ack: sent already
    heard_ += "answered ";
    hang_up(e.call);
  }
  void on(const sip::event::CallEnded&) {
    heard_ += "ended ";
    on_end();
  }
  void on(const sip::event::RequestDone& e) { heard_ += std::to_string(e.status) + " "; }
  void on(const sip::event::RegistrationChanged& e) {
    heard_ += "registration " + std::string(to_string(e.news)) + " ";
  }
  template <class Other>
  void on(const Other&) {}

  std::string uri() const { return "sip:" + name_ + "@" + sip::to_string(at_); }

  std::string name_;
  sip::net::EndpointDriver driver_;
  sip::Address at_;
  std::string heard_;
};

bool check(const char* who, const std::string& heard, const std::vector<std::string>& words) {
  for (const auto& word : words) {
    if (heard.find(word + " ") != std::string::npos) continue;
    std::fprintf(stderr, "%s heard \"%s\", without \"%s\"\n", who, heard.c_str(), word.c_str());
    return false;
  }
  return true;
}

}  // namespace

int main() {
  boost::asio::io_context io;
  Agent platform(io, "34020000002000000001"), camera(io, "34020000001320000001");
  const auto parts = Agent::with_parts({}, {"Content-Type: text/plain\r\n\r\nx"});
  platform.ask(camera, "<Query/>");
  camera.keep_registered(camera.flow_to(platform));
  int ends = 0;
  platform.on_end = camera.on_end = [&] {
    if (++ends == 2) io.stop();
  };
  platform.call(camera);
  io.run_for(std::chrono::seconds(10));
  // Two conversations run at once, each in its own order.
  const bool ok =
      check("the platform", platform.heard(), {"REGISTER", "200", "answered", "ended"}) &&
      check("the camera", camera.heard(), {"MESSAGE", "INVITE", "registration active", "ended"}) &&
      ends == 2 && parts.body.ends_with("--part--\r\n");
  platform.close();
  camera.close();
  return ok ? 0 : 1;
}
