// The Subject header of a media session's INVITE: GB/T 28181-2022 annex L.
//   <sender ID>:<sender sequence>,<receiver ID>:<receiver sequence>
// Equal sender parts name the same stream.
#pragma once

#include <string>
#include <string_view>

#include "gb28181/error.hpp"

namespace gb28181 {

struct Subject {
  std::string sender_id;          // who sends media: the channel
  std::string sender_sequence;    // <= 20 characters, first '0' live, '1' history; we use the SSRC
  std::string receiver_id;        // who receives it: the platform
  std::string receiver_sequence;  // unique at the receiver
  bool operator==(const Subject&) const = default;
};

std::string to_string(const Subject& subject);

// Tolerant: any token is a sequence, white space and a missing sequence are borne, so is a missing
// receiver part. Errc::malformed_subject when there is no sender id.
Result<Subject> parse_subject(std::string_view value);

}  // namespace gb28181
