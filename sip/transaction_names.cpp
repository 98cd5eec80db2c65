// What the states of RFC 3261 17 and RFC 6026 are called.
#include "sip/transaction_machines.hpp"

namespace sip {
namespace {

std::string_view name_of(NonInviteClient::State state) {
  constexpr std::string_view names[] = {"Trying", "Proceeding", "Completed", "Terminated"};
  return names[static_cast<std::size_t>(state)];
}
std::string_view name_of(NonInviteServer::State state) {
  constexpr std::string_view names[] = {"Trying", "Proceeding", "Completed", "Terminated"};
  return names[static_cast<std::size_t>(state)];
}
std::string_view name_of(InviteClient::State state) {
  constexpr std::string_view names[] = {"Calling", "Proceeding", "Completed", "Accepted",
                                        "Terminated"};
  return names[static_cast<std::size_t>(state)];
}
std::string_view name_of(InviteServer::State state) {
  constexpr std::string_view names[] = {"Proceeding", "Completed", "Accepted", "Confirmed",
                                        "Terminated"};
  return names[static_cast<std::size_t>(state)];
}

}  // namespace

std::string_view Transaction::state_name() const {
  return with(machine, [](const auto& m) { return name_of(m.state()); });
}

}  // namespace sip
