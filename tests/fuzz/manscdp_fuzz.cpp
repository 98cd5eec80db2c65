// MANSCDP: any bytes are read or refused, and what was read is printed so that it reads back the
// same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "gb28181/manscdp/message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace gb28181;
  auto message = manscdp::parse({reinterpret_cast<const char*>(data), size});
  if (!message) return 0;
  // Not printed: what was counted as unreadable.
  if (auto* page = message->get<manscdp::CatalogPage>()) page->skipped = 0;
  // In UTF-8: short GB text can look like UTF-8, which no reader can tell apart.
  const auto again = manscdp::parse(manscdp::print(*message, Edition::y2022, Charset::utf8));
  if (!again || !(*again == *message)) std::abort();
  return 0;
}
