// How addresses and their bindings are written into a part of the location store: one record after
// the other, each the whole of one address. Fields are big-endian; times are the wall's.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "gateway/location_store.hpp"
#include "sip/location.hpp"

namespace gateway {

// Appends one record.
void write_address(std::string_view aor, std::span<const sip::BindingView> bindings,
                   const Instant& instant, std::string& part);

// Gives all records, what has expired left out. False: damaged; those before have been given.
bool read_addresses(std::string_view part, const Instant& instant, const sip::KeepBindings& use);

}  // namespace gateway
