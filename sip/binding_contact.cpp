#include "sip/binding_contact.hpp"

#include <charconv>

namespace sip {
namespace {

void append_number(std::string& out, std::uint64_t number) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

// 700: "0.7"
void append_q(std::string& out, unsigned q_1000) {
  out += q_1000 >= 1000 ? '1' : '0';
  if (q_1000 % 1000 == 0) return;
  out += '.';
  for (unsigned rest = q_1000 % 1000, weight = 100; rest > 0; rest %= weight, weight /= 10)
    out += static_cast<char>('0' + rest / weight);
}

std::uint64_t remaining_s(const BindingView& binding, TimePoint now) {
  const auto left = std::chrono::ceil<std::chrono::seconds>(binding.expires_at - now).count();
  return left > 0 ? static_cast<std::uint64_t>(left) : 0;
}

}  // namespace

void append_contact(std::string& out, const BindingView& binding, TimePoint now) {
  out += '<';
  out.append(binding.contact).append(">;expires=");
  append_number(out, remaining_s(binding, now));
  if (binding.q_1000 != 1000) append_q(out += ";q=", binding.q_1000);
}

void append_own_contact(std::string& out, const BindingView& binding, TimePoint now) {
  append_contact(out, binding, now);
  if (!binding.instance.empty())
    out.append(";+sip.instance=\"").append(binding.instance).append("\"");
  if (binding.reg_id != 0) append_number(out += ";reg-id=", binding.reg_id);
}

}  // namespace sip
