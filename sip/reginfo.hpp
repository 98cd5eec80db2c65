// What is registered, as a watcher of the reg event is told (RFC 3680): application/reginfo+xml.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sip/location.hpp"
#include "sip/time.hpp"

namespace sip {

inline constexpr std::string_view reg_event = "reg";
inline constexpr std::string_view reginfo_type = "application/reginfo+xml";

// The full state of one address of record (5.1), written into `out`. `version`: counts the
// documents of one subscription from 0 on (5.1). Ids are made of what they name, so that they stay
// the same from one document to the next. An address without bindings is "terminated".
void write_reginfo(const Location& location, std::string_view aor, std::uint32_t version,
                   TimePoint now, std::string& out);

}  // namespace sip
