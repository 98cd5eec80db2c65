// What stands in a message, by name, as text: for tables of expectations.
#pragma once

#include <string>
#include <string_view>

#include "sip/message.hpp"
#include "sip/scan.hpp"

namespace sip::test {

inline std::string unfolded(std::string_view text) {
  std::string out;
  scan::append_unfolded(out, text);
  return out;
}

template <class T>
std::string fault_of(const Result<T>& result) {
  return "(" + result.error().message() + ")";
}

inline std::string uri_field(const Uri& uri, std::string_view key) {
  if (key == "uri") return std::string(uri.text);
  if (key == "user") return unescape(uri.user);
  if (key == "password") return std::string(uri.password);
  if (key == "host") return std::string(uri.host.host);
  if (key == "port") return std::to_string(uri.host.port);
  if (key == "uri-params") return std::string(uri.params.text());
  if (key == "uri-headers") return std::string(uri.headers);
  return "?";
}

inline std::string address_field(const Result<NameAddr>& address, std::string_view key) {
  if (!address) return fault_of(address);
  if (key == "name") return std::string(address->display_name);
  if (key == "tag") return std::string(address->tag());
  if (key == "params") return unfolded(address->params.text());
  if (key == "q") return std::to_string(address->q_thousandths());
  if (key == "expires") return std::to_string(address->expires().value_or(0));
  return uri_field(address->uri, key);
}

// "UDP host:port branch" of each, with what it was received from.
inline std::string via_list(const MessageView& message) {
  std::string text;
  for (const auto element : message.values(HeaderId::via)) {
    const auto via = parse_via(element);
    if (!text.empty()) text += ", ";
    if (!via) {
      text += fault_of(via);
      continue;
    }
    text += std::string(via->transport_text) + " ";
    append(text, via->sent_by);
    if (!via->branch.empty()) text += " " + std::string(via->branch);
    if (!via->received.empty()) text += " from " + std::string(via->received);
  }
  return text;
}

inline std::string number_field(const Result<std::uint32_t>& number) {
  return number ? std::to_string(*number) : fault_of(number);
}

inline std::string cseq_field(const MessageView& message) {
  const auto cseq = message.cseq();
  if (!cseq) return fault_of(cseq);
  return std::to_string(cseq->number) + " " + std::string(cseq->method_text);
}

inline std::string content_type_field(const MessageView& message) {
  const auto type = message.content_type();
  if (!type) return fault_of(type);
  return std::string(type->type) + "/" + std::string(type->subtype);
}

inline std::string count_of(const MessageView& message, HeaderId id) {
  int count = 0;
  for ([[maybe_unused]] const auto element : message.values(id)) ++count;
  return std::to_string(count);
}

// Keys: "method", "status", "vias", "from.tag", "contact.q", "request.user", "=Header-Name" ...
inline std::string field(const MessageView& message, std::string_view key) {
  if (key == "method") return std::string(message.method_text());
  if (key == "status") return std::to_string(message.status());
  if (key == "reason") return std::string(message.reason());
  if (key == "vias") return via_list(message);
  if (key == "call-id") return std::string(message.call_id());
  if (key == "cseq") return cseq_field(message);
  if (key == "max-forwards") return number_field(message.max_forwards());
  if (key == "expires") return number_field(message.expires());
  if (key == "retry-after") return number_field(message.number(HeaderId::retry_after));
  if (key == "content-type") return content_type_field(message);
  if (key == "date") return message.date() ? "sound" : fault_of(message.date());
  if (key == "body") return std::to_string(message.body().size());
  if (key == "contacts") return count_of(message, HeaderId::contact);
  if (key.starts_with("=")) return unfolded(message.find(key.substr(1)).value_or("(absent)"));
  const auto dot = key.find('.');
  const auto of = key.substr(0, dot), part = key.substr(dot + 1);
  if (of == "from") return address_field(message.from(), part);
  if (of == "to") return address_field(message.to(), part);
  if (of == "contact") return address_field(message.contact(), part);
  if (of == "route") return address_field(message.route(), part);
  const auto uri = message.request_uri();
  return uri ? uri_field(*uri, part) : fault_of(uri);
}

}  // namespace sip::test
