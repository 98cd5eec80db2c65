// A binding as a Contact header shows it (RFC 3261 20.10).
#pragma once

#include <string>

#include "sip/location.hpp"
#include "sip/time.hpp"

namespace sip {

// Appends "<uri>;expires=60;q=0.7": what remains of it, rounded up; q when it is not 1.
void append_contact(std::string& out, const BindingView& binding, TimePoint now);
// With +sip.instance and reg-id (RFC 5626), as only the one who registered it needs to know.
void append_own_contact(std::string& out, const BindingView& binding, TimePoint now);

}  // namespace sip
