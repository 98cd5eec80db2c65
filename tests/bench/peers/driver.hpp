// One harness for all SIP parsers that are measured side by side. A parser implements parse_one():
//   1. copy the datagram into the buffer in which its library would have received it (one memcpy),
//   2. parse it so far that everything in Fields is known as a parsed value,
//   3. fill in Fields, call the sink, and release everything.
// The sink sums the fields up, so that no step can be left out; `--show` prints them, so that the
// parsers can be compared field by field.
#pragma once

#include <string_view>

struct Fields {
  bool is_request = false;
  int status = 0;
  std::string_view method, uri_user, uri_host;
  std::string_view branch, via_host;
  int via_port = 0;  // 0: not given
  std::string_view from_user, from_host, from_tag, to_user, to_host, to_tag, call_id;
  long cseq = 0;
  std::string_view cseq_method, contact_user, contact_host;
  long max_forwards = -1;  // -1: absent
  std::string_view type, subtype;
  long content_length = 0;
  std::string_view body;
};

inline std::string_view text(const char* z) {
  return z ? std::string_view(z) : std::string_view();
}

using Sink = void (*)(const Fields&);

inline constexpr std::size_t max_datagram = 65536;

bool parser_setup();
// False when the datagram does not parse. The fields are valid during the call of the sink.
bool parse_one(std::string_view datagram, Sink sink);
