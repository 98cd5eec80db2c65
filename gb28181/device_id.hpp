// Identifiers of devices, channels and platforms: GB/T 28181-2022 annex E.1.
//
// The code of the standard has 20 digits, but 18-digit codes (2016 rule B) and vendor ids with
// letters are deployed, so an id is an opaque key of 1..32 visible characters; its fields exist
// only when it has the standard's form. Ids of devices and of channels are separate spaces: cameras
// use one value for both.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "gb28181/error.hpp"

namespace gb28181 {

class DeviceId {
 public:
  static constexpr std::size_t max_size = 32;

  // Surrounding white space is dropped. Errc::bad_id when nothing, more than 32 characters, or a
  // character that a URI user part or a path segment could not carry unescaped is left.
  static Result<DeviceId> parse(std::string_view text);

  DeviceId() = default;  // empty; equal to no parsed id

  std::string_view view() const { return {text_.data(), size_}; }
  std::string str() const { return std::string(view()); }
  bool empty() const { return size_ == 0; }

  // 20 digits: the fields below have values only then.
  bool is_standard() const;
  std::string_view centre_code() const;           // digits 1-8
  std::string_view domain() const;                // digits 1-10: the usual SIP domain and realm
  std::optional<std::uint32_t> industry() const;  // digits 9-10
  std::optional<std::uint32_t> type() const;  // digits 11-13: 118 NVR, 131/132 camera, 200 platform
  std::optional<std::uint32_t> network() const;  // digit 14
  std::optional<std::uint32_t> serial() const;   // digits 15-20

  friend bool operator==(const DeviceId&, const DeviceId&) = default;
  friend auto operator<=>(const DeviceId& a, const DeviceId& b) { return a.view() <=> b.view(); }

 private:
  std::optional<std::uint32_t> digits(std::size_t at, std::size_t count) const;

  std::array<char, max_size> text_{};
  std::uint8_t size_ = 0;
};

// Whether a catalog item with this id can be expected to give a picture. Only a hint (1.6: the type
// code alone proves nothing): alarm and voice items (134-137), groups, organisations, regions,
// platforms and users cannot; cameras and everything unknown can.
bool may_be_playable(std::string_view id);

// Whether the id is that of an organisation item: a region (2..8 digits), a system (200), a
// business group (215) or a virtual organisation (216).
bool is_organisation(std::string_view id);

// First 10 digits of a 20-digit id, else empty.
std::string_view domain_of(std::string_view id);

}  // namespace gb28181

template <>
struct std::hash<gb28181::DeviceId> {
  std::size_t operator()(const gb28181::DeviceId& id) const {
    return std::hash<std::string_view>{}(id.view());
  }
};
