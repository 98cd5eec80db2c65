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

void append_id(std::string& out, char kind, std::uint64_t id) {
  out.append(" id=\"").append(1, kind);
  append_number(out, id, 16);
  out += '"';
}

std::uint64_t id_of(std::string_view text, std::uint64_t more = 0) {
  return mixed_hash(text, id_seed + more);
}

std::uint64_t id_of(const BindingView& b) {
  return id_of(b.contact, mixed_hash(b.instance, b.reg_id));
}

void begin_contact(std::string& out, std::uint64_t id, std::string_view state,
                   std::string_view event) {
  out += "<contact";
  append_id(out, 'c', id);
  append_attribute(out, "state", state);
  append_attribute(out, "event", event);
}

void end_contact(std::string& out, std::string_view uri) {
  out += "><uri>";
  append_escaped(out, uri);
  out += "</uri></contact>";
}

// RFC 3680 5.3: q, expires, callid and cseq are optional; a watcher likes to know them.
void append_binding(std::string& out, const BindingView& b, std::string_view event, TimePoint now) {
  begin_contact(out, id_of(b), "active", event);
  out += " expires=\"";
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
  out += '"';
  end_contact(out, b.contact);
}

// Up to where the state of the registration stands.
void begin_document(std::string& out, std::string_view aor, std::uint32_t version,
                    std::string_view extent) {
  out.assign(
      "<?xml version=\"1.0\"?>\n<reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"");
  append_number(out, version);
  out += '"';
  append_attribute(out, "state", extent);
  out += "><registration";
  append_attribute(out, "aor", aor);
  append_id(out, 'r', id_of(aor));
}

}  // namespace

void write_reginfo(const Location& location, std::string_view aor, std::uint32_t version,
                   TimePoint now, std::string& out) {
  begin_document(out, aor, version, "full");
  const auto state_at = out.size();
  const auto count = location.visit(aor, now, [&](const BindingView& binding) {
    append_binding(out, binding, "registered", now);
  });
  out.insert(state_at, count == 0 ? " state=\"init\"/>" : " state=\"active\">");
  if (count != 0) out += "</registration>";
  out += "</reginfo>\n";
}

void ReginfoHistory::write_full(const Location& location, std::string_view aor, TimePoint now,
                                std::string& out) {
  write_reginfo(location, aor, version_++, now, out);
  told_.clear();
  location.visit(aor, now, [&](const BindingView& b) {
    told_.push_back({id_of(b), b.expires_at, b.cseq, std::string(b.contact)});
  });
}

ReginfoHistory::Told* ReginfoHistory::find(std::uint64_t id) {
  for (auto& told : told_)
    if (told.id == id) return &told;
  return nullptr;
}

bool ReginfoHistory::write_contact(const BindingView& b, TimePoint now, std::string& out) {
  const auto id = id_of(b);
  auto* const known = find(id);
  if (!known) {
    told_.push_back({id, b.expires_at, b.cseq, std::string(b.contact), true});
    append_binding(out, b, "registered", now);
    return true;
  }
  known->seen = true;
  if (known->expires_at == b.expires_at && known->cseq == b.cseq) return false;
  known->expires_at = b.expires_at;
  known->cseq = b.cseq;
  append_binding(out, b, "refreshed", now);
  return true;
}

// And forgets it: a terminated contact is told of once (5.3).
bool ReginfoHistory::write_gone(Removal removal, TimePoint now, std::string& out) {
  const auto removed = removal == Removal::by_user ? "unregistered" : "deactivated";
  bool news = false;
  for (const auto& told : told_) {
    if (told.seen) continue;
    begin_contact(out, told.id, "terminated", told.expires_at <= now ? "expired" : removed);
    end_contact(out, told.contact);
    news = true;
  }
  std::erase_if(told_, [](const Told& told) { return !told.seen; });
  return news;
}

bool ReginfoHistory::write_news(const Location& location, std::string_view aor, Removal removal,
                                TimePoint now, std::string& out) {
  begin_document(out, aor, version_, "partial");
  const auto state_at = out.size();
  for (auto& told : told_) told.seen = false;
  bool news = false;
  location.visit(aor, now, [&](const BindingView& b) { news |= write_contact(b, now, out); });
  news |= write_gone(removal, now, out);
  if (!news) return false;
  ++version_;
  out.insert(state_at, told_.empty() ? " state=\"terminated\">" : " state=\"active\">");
  out += "</registration></reginfo>\n";
  return true;
}

}  // namespace sip
