// Property: whatever is registered, by whoever, with whatever credentials, every answer can be
// read, the location stays within its limits and agrees with itself, and time drops all of it.
// "@nonce@" in an input stands for a nonce that was just given out.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string>
#include <string_view>

#include "sip/authenticator.hpp"
#include "sip/message.hpp"
#include "sip/redirect.hpp"
#include "sip/reginfo.hpp"
#include "sip/registrar.hpp"

namespace {

using namespace sip;

void require(bool holds, std::source_location where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: line %u\n", static_cast<unsigned>(where.line()));
  std::abort();
}

struct Anybody : Accounts {
  bool find(std::string_view user, std::string_view, Secret& secret) const override {
    secret.password = "12345678";
    return user.size() % 2 == 0;
  }
};

// Lives from one input to the next: what one has left behind meets the next.
struct World {
  Location location{{.bindings = 500, .bindings_per_aor = 8, .text_bytes = 1000}};
  Anybody accounts;
  Registrar registrar{{.contacts = 10}, location, &accounts};
  Redirect redirect{{}, location};
  Authenticator authenticator{
      {.realm = "3402000000", .nonces = 1024, .guesses = {.entries = 64}}, accounts, {1, 2}};
  TimePoint now = TimePoint{} + std::chrono::hours(1);
  std::string buffer, text;
  std::uint64_t inputs = 0;

  World() { location.keep_changes(true); }
};

Flow flow_of(std::uint64_t n) {
  Flow flow;
  flow.transport = static_cast<Transport>(n % 5);
  flow.remote.ip = IpAddress::v4({192, 0, 2, static_cast<std::uint8_t>(n % 16)});
  flow.remote.port = static_cast<std::uint16_t>(n % 3 + 5060);
  if (is_reliable(flow.transport)) flow.connection = ConnectionId(1 + n % 50);
  return flow;
}

void with_nonce(World& world, const Flow& flow) {
  const auto at = world.text.find("@nonce@");
  if (at == std::string::npos) return;
  MessageBuilder out(world.buffer);
  out.response(401);
  world.authenticator.challenge(out, Authenticator::Kind::registrar, false, flow, world.now);
  const auto nonce = world.buffer.find("nonce=\"");
  world.text.replace(at, 7, world.buffer, nonce + 7, 32);
}

void check_answer(std::string_view answer, int status) {
  MessageView message;
  require(parse_message(answer, message).has_value());
  require(message.status() == status);
}

void ask(World& world, const MessageView& message, const Flow& flow) {
  const auto kind = static_cast<Authenticator::Kind>(world.inputs % 2);
  const auto verdict = world.authenticator.check(message, kind, flow, world.now);
  if (verdict.finding == Authenticator::Finding::accepted) require(!verdict.user.empty());
  world.authenticator.refuse(message, kind, verdict, flow, world.now, {}, world.buffer);
  MessageView answer;
  require(parse_message(world.buffer, answer).has_value());
  const auto redirected = world.redirect.on_request(message, world.now, {}, world.buffer);
  check_answer(redirected.response, redirected.status);
  const auto done = world.registrar.on_register(
      {message, flow, world.now, WallTime{}, world.inputs % 3 ? verdict.user : "", "t"},
      world.buffer);
  check_answer(done.response, done.status);
  write_reginfo(world.location, done.aor, 0, world.now, world.buffer);
}

void ignore(std::string_view, std::span<const BindingView>) {}

void pass_time(World& world, const Flow& flow) {
  world.now += std::chrono::milliseconds(world.inputs % 977);
  if (world.inputs % 7 == 0) world.location.on_deadline(world.now);
  if (world.inputs % 11 == 0) world.location.on_connection_closed(flow);
  if (world.inputs % 5 == 0) world.location.take_changes(ignore, world.inputs % 100);
  require(world.location.bindings() <= 500);
  if (world.inputs % 500 != 0) return;
  require(world.location.list("", SIZE_MAX, TimePoint::min()).size() == world.location.bindings());
  world.now += std::chrono::hours(25);
  while (world.location.next_deadline() <= world.now) world.location.on_deadline(world.now);
  require(world.location.bindings() == 0 && world.location.addresses() == 0);
  world.location.take_changes(ignore);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  ++world.inputs;
  const auto flow = flow_of(world.inputs * 2654435761u >> 8);
  world.text.assign(reinterpret_cast<const char*>(data), size);
  with_nonce(world, flow);
  MessageView message;
  if (parse_message(world.text, message) && message.is_request() && validate(message))
    ask(world, message, flow);
  pass_time(world, flow);
  return 0;
}
