// Registering in tests: a REGISTER as text, and what an answer says.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sip/message.hpp"

namespace sip::test {

struct Register {
  std::string to = "sip:alice@example.org";
  std::string from = {};  // empty: as `to`
  std::string call_id = "call1";
  int cseq = 1;
  std::vector<std::string> headers = {};  // "Contact: <sip:a@h>"
  std::string vias = "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1;rport\r\n";
  std::string method = "REGISTER";
  std::string uri = "sip:example.org";

  std::string text() const {
    std::string out = method + " " + uri + " SIP/2.0\r\n" + vias + "From: <" +
                      (from.empty() ? to : from) + ">;tag=f\r\nTo: <" + to +
                      ">\r\nCall-ID: " + call_id + "\r\nCSeq: " + std::to_string(cseq) + " " +
                      method + "\r\n";
    for (const auto& header : headers) out += header + "\r\n";
    return out + "Content-Length: 0\r\n\r\n";
  }
};

// Parses; the text must outlive it.
inline MessageView parsed(const std::string& text) {
  MessageView message;
  REQUIRE(parse_message(text, message).has_value());
  return message;
}

// All values of a header, joined with " | ".
inline std::string values(std::string_view response, std::string_view name) {
  MessageView message;
  REQUIRE(parse_message(response, message).has_value());
  std::string out;
  for (std::size_t i = 0; i < message.header_count(); ++i) {
    const auto header = message.header(i);
    if (header.name != name) continue;
    if (!out.empty()) out += " | ";
    out += header.value;
  }
  return out;
}

}  // namespace sip::test
