#include "sip/reginfo.hpp"

#include <charconv>

#include "sip/mixed_hash.hpp"

namespace sip {
namespace {

constexpr std::uint64_t id_seed = 0x7265676576656e74;

void append_number(std::string& out, std::uint64_t number, int base = 10) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number, base).ptr);
}

// Control characters may not stand in XML at all; SIP does not let them in either.
void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
}

void append_attribute(std::string& out, std::string_view name, std::string_view value) {
  out.append(1, ' ').append(name).append("=\"");
  append_escaped(out, value);
  out += '"';
}

void append_id(std::string& out, char kind, std::string_view text, std::uint64_t more = 0) {
  out.append(" id=\"").append(1, kind);
  append_number(out, mixed_hash(text, id_seed + more), 16);
  out += '"';
}

// RFC 3680 5.3: q, expires, callid and cseq are optional; a watcher likes to know them.
void append_binding(std::string& out, const BindingView& b, TimePoint now) {
  out += "<contact";
  append_id(out, 'c', b.contact, mixed_hash(b.instance, b.reg_id));
  out += " state=\"active\" event=\"registered\" expires=\"";
  const auto left = std::chrono::ceil<std::chrono::seconds>(b.expires_at - now).count();
  append_number(out, static_cast<std::uint64_t>(left));
  out += "\" q=\"";
  out += b.q_1000 == 1000 ? "1." : "0.";
  append_number(out += static_cast<char>('0' + b.q_1000 % 1000 / 100), b.q_1000 % 100 / 10);
  append_number(out, b.q_1000 % 10);
  out += '"';
  append_attribute(out, "callid", b.call_id);
  out += " cseq=\"";
  append_number(out, b.cseq);
  out += "\"><uri>";
  append_escaped(out, b.contact);
  out += "</uri></contact>";
}

}  // namespace

void write_reginfo(const Location& location, std::string_view aor, std::uint32_t version,
                   TimePoint now, std::string& out) {
  out.assign(
      "<?xml version=\"1.0\"?>\n<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"");
  append_number(out, version);
  out += "\" state=\"full\"><registration";
  append_attribute(out, "aor", aor);
  append_id(out, 'r', aor);
  const auto state_at = out.size();
  std::size_t count = 0;
  location.visit(aor, now, [&](const BindingView& binding) {
    if (count++ == 0) out += " state=\"active\">";
    append_binding(out, binding, now);
  });
  if (count == 0)
    out.insert(state_at, " state=\"terminated\"/>");
  else
    out += "</registration>";
  out += "</reginfo>\n";
}

}  // namespace sip
