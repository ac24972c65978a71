# The compiler, its warnings and the sanitizers.

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  message(FATAL_ERROR
    "g++ ${CMAKE_CXX_COMPILER_VERSION} silently miscompiles coroutines (destroys captures twice, corrupts frames). "
    "Build with clang-19: cmake --preset release")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1 -fno-omit-frame-pointer")
set(CMAKE_C_FLAGS_DEBUG "-O0 -g1 -fno-omit-frame-pointer")

find_program(CCACHE ccache)
if(CCACHE)
  # With a precompiled header ccache has to be told that macros are looked for in it too, and times not. CCACHE_DEPEND: it believes
  # the compiler's own list of headers, and does not preprocess what it has to compile anyway.
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_DEPEND=1 CCACHE_SLOPPINESS=pch_defines,time_macros ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER env CCACHE_DEPEND=1 ${CCACHE})
endif()
find_program(LLD NAMES ld.lld-19)
if(LLD AND CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(-fuse-ld=${LLD})
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wimplicit-fallthrough -Werror
                    -fstack-protector-strong)
add_compile_options("$<$<COMPILE_LANG_AND_ID:CXX,Clang>:SHELL:-Xclang -fno-pch-timestamp>")
add_compile_definitions(_GLIBCXX_ASSERTIONS $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
add_link_options(-Wl,-z,relro,-z,now)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
# Every request runs through about fifteen coroutine frames; Asio recycles only two blocks of a thread unless told otherwise.
add_compile_definitions($<$<CONFIG:Release>:BOOST_ASIO_RECYCLING_ALLOCATOR_CACHE_SIZE=16>)
include(CheckPIESupported)
check_pie_supported()

set(GATEHOUSE_SANITIZE "" CACHE STRING "Comma-separated sanitizers (address,undefined or thread)")
if(GATEHOUSE_SANITIZE)
  add_compile_options(-fsanitize=${GATEHOUSE_SANITIZE} -fno-sanitize-recover=all
                      "$<$<CXX_COMPILER_ID:Clang>:-fsanitize-ignorelist=${PROJECT_SOURCE_DIR}/cmake/unsanitized.txt>")
  add_link_options(-fsanitize=${GATEHOUSE_SANITIZE})
endif()

option(GATEHOUSE_FUZZ "Build tests/fuzz as real fuzzers (clang)" OFF)
if(GATEHOUSE_FUZZ)
  # More inputs a second are worth the longer compilation.
  add_compile_options(-O1 -fsanitize=fuzzer-no-link)
endif()
