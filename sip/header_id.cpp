#include "sip/header_id.hpp"

#include "sip/header_names.hpp"

namespace sip {

HeaderId header_id_from(std::string_view name) {
  return header_names::find(name);
}

std::string_view to_string(HeaderId id) {
  return id < HeaderId::count_ ? header_names::names[static_cast<std::size_t>(id)].text
                               : std::string_view{};
}

}  // namespace sip
