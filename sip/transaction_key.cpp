#include "sip/transaction_key.hpp"

#include <cstdint>

namespace sip {
namespace {

// Ends a part; cannot stand inside one, as all are free of control characters.
constexpr char separator = '\x1f';

void append_part(std::string& out, std::string_view part) {
  out += part;
  out += separator;
}

void append_number(std::string& out, std::uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(number >> shift);
}

void append_lower(std::string& out, std::string_view text) {
  for (const char c : text) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  out += separator;
}

void append_source(std::string& out, const Flow& from) {
  const auto& ip = from.remote.ip;
  out.append(reinterpret_cast<const char*>(ip.bytes().data()), ip.size());
  // A stream peer may come back from another port to cancel or acknowledge.
  append_number(out, from.transport == Transport::udp ? from.remote.port : 0u);
}

void append_rfc2543_key(std::string& out, const MessageView& request) {
  append_part(out, request.request_uri_text());
  const auto from = request.from();
  append_part(out, from ? from->tag() : std::string_view());
  append_part(out, request.call_id());
}

}  // namespace

void append_client_key(std::string& out, std::string_view branch, std::string_view method) {
  out += 'c';
  append_part(out, method);
  append_part(out, branch);
}

void append_server_key(std::string& out, const MessageView& request, const Via& via,
                       std::string_view method, const Flow& from) {
  const bool modern = via.has_magic_cookie();
  out += modern ? 's' : 'o';
  append_part(out, method);
  append_source(out, from);
  append_part(out, via.branch);
  append_lower(out, via.sent_by.host);
  append_number(out, via.sent_by.port);
  const auto cseq = request.cseq();
  append_number(out, cseq ? cseq->number : 0);
  if (!modern) append_rfc2543_key(out, request);
}

}  // namespace sip
