// What is registered, as a watcher of the reg event is told (RFC 3680): application/reginfo+xml.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sip/location.hpp"
#include "sip/time.hpp"

namespace sip {

inline constexpr std::string_view reg_event = "reg";
inline constexpr std::string_view reginfo_type = "application/reginfo+xml";

// The full state of one address of record (5.1), written into `out`. `version`: counts the
// documents of one subscription from 0 on (5.1). Ids are made of what they name, so that they stay
// the same from one document to the next. An address without bindings is "init".
void write_reginfo(const Location& location, std::string_view aor, std::uint32_t version,
                   TimePoint now, std::string& out);

// The documents of one subscription: the full state, thereafter what is news since the last
// document (RFC 3680 5.1 "partial"). It remembers of each contact that it has told its URI and some
// 40 bytes. Pure.
class ReginfoHistory {
 public:
  enum class Removal : std::uint8_t {
    by_user,    // a REGISTER: "unregistered"
    by_server,  // the connection is gone, or an operator did it: "deactivated"
  };

  void write_full(const Location& location, std::string_view aor, TimePoint now, std::string& out);
  // False when there is no news; `out` is not to be used then. A contact that is gone and would
  // still be valid was removed as `removal` says; one that would not has expired.
  bool write_news(const Location& location, std::string_view aor, Removal removal, TimePoint now,
                  std::string& out);

 private:
  struct Told {
    std::uint64_t id;
    TimePoint expires_at;
    std::uint32_t cseq;
    std::string contact;
    bool seen = false;  // in the document at hand
  };
  Told* find(std::uint64_t id);
  bool write_contact(const BindingView& binding, TimePoint now, std::string& out);
  bool write_gone(Removal removal, TimePoint now, std::string& out);

  std::vector<Told> told_;
  std::uint32_t version_ = 0;
};

}  // namespace sip
