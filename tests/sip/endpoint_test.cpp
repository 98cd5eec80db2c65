// Requests outside of calls, between two endpoints in virtual time; and what an endpoint does with
// whatever arrives.
#include "sip/endpoint.hpp"

#include <doctest/doctest.h>

#include <numeric>

#include "tests/sip/pair.hpp"

using namespace std::chrono_literals;
using namespace sip;
using namespace sip::test;

namespace {

void send(Pair& pair, int count = 1) {
  for (int i = 0; i < count; ++i)
    pair.a.endpoint.send_request(message_to(pair.a, pair.b), pair.now(), pair.a.out);
}

const Flow from_camera{Transport::udp, address_of("192.0.2.1:5060"),
                       address_of("203.0.113.7:40001"), ConnectionId::none};

std::string request(const std::string& method, const std::string& headers = {},
                    const std::string& via = "SIP/2.0/UDP 10.0.0.5:5060;rport;branch=z9hG4bK1") {
  return method + " sip:34020000002000000001@3402000000 SIP/2.0\r\nVia: " + via +
         "\r\nFrom: <sip:34020000001320000001@3402000000>;tag=1\r\n"
         "To: <sip:34020000002000000001@3402000000>\r\nCall-ID: 1\r\nCSeq: 1 " +
         method + "\r\n" + headers + "Content-Length: 0\r\n\r\n";
}

// First line of each message that comes out.
std::string answers(const Output& out) {
  std::string text;
  for (const auto& send : out.sends) {
    const auto bytes = out.bytes(send);
    text += std::string(bytes.substr(0, bytes.find('\r'))) + "|";
  }
  return text;
}

}  // namespace

TEST_CASE("a request and its answer") {
  Pair pair;
  pair.b.rule = answer_requests;
  send(pair);
  pair.run_for(1s);
  CHECK(pair.wire == "a>MESSAGE b>200 ");
  CHECK(pair.a.log() == "done:200 ");
  CHECK(pair.b.log() == "request:MESSAGE ");
  CHECK(pair.b.bodies.front() == "<Notify/>");
  CHECK(pair.a.endpoint.counters().transactions == 1);  // timer K
  pair.run();
  CHECK(pair.a.endpoint.counters().transactions == 0);
  CHECK(pair.b.endpoint.counters().transactions == 0);
}

TEST_CASE("over a stream nothing is repeated and nothing lingers") {
  Pair pair;
  pair.b.rule = answer_requests;
  auto spec = message_to(pair.a, pair.b);
  spec.destination = pair.a.flow_to(pair.b, Transport::tcp);
  SUBCASE("answered") {
    pair.a.endpoint.send_request(spec, pair.now(), pair.a.out);
    pair.run_for(1s);
    CHECK(pair.a.endpoint.counters().transactions == 0);
    CHECK(pair.b.endpoint.counters().transactions == 0);
  }
  SUBCASE("silent") {
    pair.drop = [](const std::string&) { return true; };
    pair.a.endpoint.send_request(spec, pair.now(), pair.a.out);
    pair.run();
    CHECK(pair.wire == "a>MESSAGE ");
    CHECK(pair.ms() == 32000);
    CHECK(pair.a.log() == "done:408(no answer in time) ");
  }
  SUBCASE("closed") {
    pair.drop = [](const std::string&) { return true; };
    pair.a.endpoint.send_request(spec, pair.now(), pair.a.out);
    pair.run_for(1s);
    pair.a.endpoint.on_connection_closed(spec.destination, pair.now(), pair.a.out);
    pair.settle();
    CHECK(pair.a.log() == "done:503(could not be sent) closed ");
  }
}

TEST_CASE("a user that answers late, or never") {
  Pair pair;
  SUBCASE("late: the answer is built from the kept request") {
    ServerTransactionId waiting;
    pair.b.rule = [&](Node&, const Event& event) {
      if (const auto* e = std::get_if<event::IncomingRequest>(&event)) waiting = e->transaction;
    };
    send(pair);
    pair.run_for(2s);
    CHECK(pair.b.endpoint.respond(waiting, {}, pair.now(), pair.b.out));
    CHECK_FALSE(pair.b.endpoint.respond(waiting, {}, pair.now(), pair.b.out));
    pair.run_for(1s);
    CHECK(pair.a.log() == "done:200 ");
    CHECK(pair.b.log() == "request:MESSAGE ");  // once, in spite of three copies
  }
  SUBCASE("never: 500") {
    EndpointConfig config;
    config.limits.answer_within = 3s;
    Pair impatient({}, config);
    impatient.a.endpoint.send_request(message_to(impatient.a, impatient.b), {}, impatient.a.out);
    impatient.run();
    CHECK(impatient.a.log() == "done:500 ");
  }
}

TEST_CASE("limits: transactions") {
  EndpointConfig config;
  config.limits.transactions = 2;
  Pair pair({}, config);
  pair.b.rule = answer_requests;
  send(pair, 3);
  pair.run_for(1s);
  CHECK(pair.a.log() == "done:503(too much to do) done:200 done:200 ");
  Output out;
  pair.b.endpoint.on_message(request("MESSAGE"), from_camera, pair.now(), out);
  CHECK(answers(out) == "SIP/2.0 503 Service Unavailable|");
  CHECK(pair.b.endpoint.counters().refused_overload == 1);
}

TEST_CASE("requests that cannot be written are refused at once") {
  Pair pair;
  auto spec = message_to(pair.a, pair.b);
  spec.from = "nonsense";
  pair.a.endpoint.send_request(spec, pair.now(), pair.a.out);
  pair.settle();
  CHECK(pair.a.log() == "done:400(impossible request) ");
}

TEST_CASE("what an endpoint answers by itself") {
  const struct {
    const char* name;
    std::string bytes;
    const char* answer;
  } cases[] = {
      {"OPTIONS", request("OPTIONS"), "SIP/2.0 200 OK|"},
      {"a method that we know and do not serve", request("PUBLISH"),
       "SIP/2.0 405 Method Not Allowed|"},
      {"a method that nobody knows", request("FROBNICATE"), "SIP/2.0 501 Not Implemented|"},
      {"BYE without a call", request("BYE"), "SIP/2.0 481 Call/Transaction Does Not Exist|"},
      {"INFO without a call", request("INFO"), "SIP/2.0 481 Call/Transaction Does Not Exist|"},
      {"CANCEL without an INVITE", request("CANCEL"),
       "SIP/2.0 481 Call/Transaction Does Not Exist|"},
      {"ACK without a call", request("ACK"), ""},
      {"a stray response",
       "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
       "To: <sip:c@d>;tag=2\r\nCall-ID: 1\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n",
       ""},
      {"keep-alive", "\r\n\r\n", ""},
      {"NUL", std::string(1, '\0'), ""},
      {"a camera's ping", "jaK", ""},
      {"something else altogether", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", ""},
      {"body shorter than Content-Length",
       request("MESSAGE").replace(request("MESSAGE").find("Length: 0"), 9, "Length: 9"),
       "SIP/2.0 400 Bad Request|"},
  };
  for (const auto& c : cases) {
    SUBCASE(c.name) {
      Endpoint endpoint({}, Seed{1});
      Output out;
      endpoint.on_message(c.bytes, from_camera, {}, out);
      CHECK(answers(out) == c.answer);
      for (const auto& send : out.sends) CHECK(send.flow == from_camera);
    }
  }
}

TEST_CASE("junk and broken messages are counted apart") {
  Endpoint endpoint({}, Seed{1});
  Output out;
  endpoint.on_message("jaK", from_camera, {}, out);
  endpoint.on_message("\r\n\r\n", from_camera, {}, out);
  CHECK(out.empty());
  auto broken = request("MESSAGE");
  broken.replace(broken.find("Length: 0"), 9, "Length: 9");
  endpoint.on_message(broken, from_camera, {}, out);
  const auto& counters = endpoint.counters();
  CHECK(counters.junk == 2);
  CHECK(std::accumulate(counters.parse_errors.begin(), counters.parse_errors.end(), 0u) == 1);
  REQUIRE(out.events.size() == 1);
  CHECK(std::holds_alternative<event::BadMessage>(out.events[0]));
}

TEST_CASE("answers carry received and rport, and go to the packet's source (RFC 3581)") {
  Endpoint endpoint({}, Seed{1});
  Output out;
  endpoint.on_message(request("OPTIONS"), from_camera, {}, out);
  REQUIRE(out.sends.size() == 1);
  const std::string answer(out.bytes(out.sends[0]));
  CHECK(answer.find("received=203.0.113.7") != std::string::npos);
  CHECK(answer.find("rport=40001") != std::string::npos);
  CHECK(answer.find("branch=z9hG4bK1") != std::string::npos);
  CHECK(answer.find("Allow: INVITE") != std::string::npos);
}

TEST_CASE("matching of repeated requests") {
  Endpoint endpoint({}, Seed{1});
  Output out;
  auto arrivals = [&](const std::string& bytes, const Flow& from) {
    out.clear();
    endpoint.on_message(bytes, from, {}, out);
    return out.events.size();
  };
  const std::string old_via = "SIP/2.0/UDP 10.0.0.5:5060";
  SUBCASE("with the magic cookie the branch decides") {
    CHECK(arrivals(request("MESSAGE"), from_camera) == 1);
    CHECK(arrivals(request("MESSAGE"), from_camera) == 0);
    CHECK(arrivals(request("MESSAGE", {}, "SIP/2.0/UDP 10.0.0.5:5060;rport;branch=z9hG4bK2"),
                   from_camera) == 1);
  }
  SUBCASE("without it Request-URI, tag, Call-ID, CSeq and Via decide (17.2.3)") {
    CHECK(arrivals(request("MESSAGE", {}, old_via), from_camera) == 1);
    CHECK(arrivals(request("MESSAGE", {}, old_via), from_camera) == 0);
    auto next = request("MESSAGE", {}, old_via);
    next.replace(next.find("CSeq: 1"), 7, "CSeq: 2");
    CHECK(arrivals(next, from_camera) == 1);
    auto other = request("MESSAGE", {}, old_via);
    other.replace(other.find("Call-ID: 1"), 10, "Call-ID: 2");
    CHECK(arrivals(other, from_camera) == 1);
  }
  SUBCASE("two cameras behind two NATs with the same Via are two") {
    auto other = from_camera;
    other.remote = address_of("203.0.113.8:40001");
    CHECK(arrivals(request("MESSAGE"), from_camera) == 1);
    CHECK(arrivals(request("MESSAGE"), other) == 1);
  }
}

TEST_CASE("an INVITE of RFC 2543 is cancelled and acknowledged by the same rules") {
  const std::string via = "SIP/2.0/UDP 10.0.0.5:5060";
  Endpoint endpoint({}, Seed{1});
  Output out;
  endpoint.on_message(request("INVITE", {}, via), from_camera, {}, out);
  REQUIRE(out.events.size() == 1);
  out.clear();
  endpoint.on_message(request("CANCEL", {}, via), from_camera, {}, out);
  CHECK(answers(out) == "SIP/2.0 200 OK|SIP/2.0 487 Request Terminated|");
  out.clear();
  endpoint.on_message(request("ACK", {}, via), from_camera, {}, out);
  CHECK(endpoint.counters().calls == 0);
  endpoint.on_deadline(TimePoint{} + 6s, out);  // timer I has ended the INVITE, G repeats nothing
  CHECK(answers(out) == "");
  CHECK(endpoint.counters().transactions == 1);  // the CANCEL's
}

TEST_CASE("requests over lossy links: each is done exactly once and nothing is left") {
  for (const double loss : {0.01, 0.1, 0.3}) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      CAPTURE(loss);
      CAPTURE(seed);
      support::LinkOptions options;
      options.loss = loss;
      options.duplicate = 0.05;
      options.jitter = 100ms;
      options.seed = seed;
      Pair pair(options);
      pair.b.rule = answer_requests;
      for (int i = 0; i < 100; ++i) {
        send(pair);
        pair.run_for(100ms);
      }
      pair.run();
      CHECK(pair.a.heard.size() == 100);
      CHECK(pair.b.bodies.size() >= pair.a.heard.size() - pair.a.endpoint.counters().timeouts);
      CHECK(pair.b.bodies.size() <= 100);  // no request reached its user twice
      if (loss < 0.2) CHECK(pair.a.endpoint.counters().timeouts == 0);
      CHECK(pair.a.endpoint.counters().transactions == 0);
      CHECK(pair.b.endpoint.counters().transactions == 0);
    }
  }
}

TEST_CASE("a fixed seed gives the same messages; another does not") {
  auto first_message = [](std::uint32_t seed) {
    Pair pair;
    Endpoint endpoint({}, Seed{seed});
    Output out;
    endpoint.send_request(message_to(pair.a, pair.b), {}, out);
    return std::string(out.bytes(out.sends.front()));
  };
  CHECK(first_message(1) == first_message(1));
  CHECK(first_message(1) != first_message(2));
}
