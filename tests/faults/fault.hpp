// What the copies with faults in them are compiled with (faults.cmake): which fault is on.
#pragma once
#include <string>

namespace gatehouse {

extern int seeded_fault;                      // its number; 0: none
extern thread_local std::string seeded_text;  // what one place of a fault keeps for another

}  // namespace gatehouse

#define FAULT(number) (::gatehouse::seeded_fault == (number))
