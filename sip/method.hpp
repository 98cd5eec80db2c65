// SIP methods: RFC 3261 and the extensions 3262, 3311, 3428, 3515, 3903, 6086, 6665.
#pragma once

#include <cstdint>
#include <string_view>

namespace sip {

enum class Method : std::uint8_t {
  unknown,  // a token that is none of these; its text is kept beside it
  invite,
  ack,
  bye,
  cancel,
  register_,
  options,
  message,
  info,
  subscribe,
  notify,
  prack,
  update,
  refer,
  publish,
};

// Methods are case-sensitive (7.1). Unknown text gives Method::unknown.
[[nodiscard]] Method method_from(std::string_view text);
// "INVITE"; an empty text for Method::unknown.
[[nodiscard]] std::string_view to_string(Method method);

// The registered reason phrase of a status, e.g. "Not Found"; that of its class when not known.
[[nodiscard]] std::string_view reason_phrase(int status);

}  // namespace sip
