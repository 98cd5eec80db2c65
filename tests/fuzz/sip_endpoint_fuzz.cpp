// Any bytes, cut into messages with jumps of the clock between them, into a whole endpoint with a
// user that answers. Properties: no fault; what it sends is SIP that our own parser reads; the
// clock ends everything that does not wait for its user.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sip/endpoint.hpp"

namespace {

using namespace sip;

void require(bool condition) {
  if (!condition) std::abort();
}

struct World {
  Endpoint endpoint{{}, Seed{42}};
  Output out;
  TimePoint now{};

  void settle() {
    for (std::size_t i = 0; i < out.events.size(); ++i) {
      const Event event = out.events[i];
      if (const auto* e = std::get_if<event::IncomingRequest>(&event))
        endpoint.respond(e->transaction, {}, now, out);
      if (const auto* e = std::get_if<event::IncomingCall>(&event))
        endpoint.answer(e->call, {}, now, out);
      if (const auto* e = std::get_if<event::CallConfirmed>(&event))
        endpoint.hang_up(e->call, now, out);
    }
    MessageView view;
    for (const auto& send : out.sends) require(parse_message(out.bytes(send), view).has_value());
    out.clear();
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World world;
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  InviteSpec call;
  call.request_uri = "sip:a@b";
  call.from = "<sip:c@d>";
  call.to = "<sip:a@b>";
  world.endpoint.invite(call, world.now, world.out);
  world.settle();
  for (int i = 0; i < 64 && !rest.empty(); ++i) {
    // Seeds are single messages: the first half of the rest, then the rest whole, then again.
    const auto cut = i % 2 == 0 ? rest.size() : rest.size() / 2 + 1;
    const auto transport = i % 3 == 0 ? Transport::tcp : Transport::udp;
    const Flow from{transport, {}, {IpAddress::loopback(), 5060}, ConnectionId::none};
    world.endpoint.on_message(rest.substr(0, cut), from, world.now, world.out);
    world.settle();
    world.now += std::chrono::milliseconds(static_cast<unsigned char>(rest.front()) * 20);
    world.endpoint.on_deadline(world.now, world.out);
    world.settle();
    rest.remove_prefix(i % 2 == 0 ? 0 : cut);
    if (i % 7 == 6) world.endpoint.on_connection_closed(from, world.now, world.out);
    world.settle();
  }
  for (int i = 0; i < 20'000 && world.endpoint.next_deadline() != never; ++i) {
    world.now = world.endpoint.next_deadline();
    world.endpoint.on_deadline(world.now, world.out);
    world.settle();
  }
  require(world.endpoint.counters().transactions == 0);
  require(world.endpoint.counters().calls == 0);
  return 0;
}
