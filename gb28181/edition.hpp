// The editions of GB/T 28181 and what changes on the wire between them (X-GB-Ver, annex I).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace gb28181 {

enum class Edition : std::uint8_t { y2011, y2014, y2016, y2022 };

// What a peer without X-GB-Ver is taken for, until an operator says otherwise.
inline constexpr Edition default_edition = Edition::y2016;

// "1.0", "1.1", "2.0", "3.0".
std::string_view gb_version(Edition edition);

// Reads an X-GB-Ver value; a version between or above the known ones counts as the nearest older
// one ("3.1" is 2022). Nothing when it is not `m.n`.
std::optional<Edition> parse_gb_version(std::string_view value);

// 2011, 2014, 2016, 2022: for people.
std::string_view to_string(Edition edition);

}  // namespace gb28181
