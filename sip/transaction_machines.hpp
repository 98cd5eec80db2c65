// Of whatever kind a transaction is: the four are told apart once. For transactions*.cpp alone.
#pragma once

#include <algorithm>

#include "sip/transactions.hpp"

namespace sip {

template <class Machine, class F>
auto with(Machine& machine, F&& f) {
  if (auto* m = std::get_if<NonInviteServer>(&machine)) return f(*m);
  if (auto* m = std::get_if<NonInviteClient>(&machine)) return f(*m);
  if (auto* m = std::get_if<InviteServer>(&machine)) return f(*m);
  return f(*std::get_if<InviteClient>(&machine));
}

inline bool contains(const Actions& actions, Action what) {
  return std::ranges::find(actions, what) != actions.end();
}

}  // namespace sip
