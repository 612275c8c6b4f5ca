# One set of flags for every target; presets choose the build type and the sanitizer.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

# Assertions state what the programmer promised; they stay in a release.
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELWITHDEBINFO "${CMAKE_C_FLAGS_RELWITHDEBINFO}")

add_compile_definitions(_GNU_SOURCE)
add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wswitch-enum -Wstrict-prototypes
                    -Wmissing-prototypes -Wvla -Werror -fno-common)

set(FLYBALL_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=: address,undefined or thread")
if(FLYBALL_SANITIZE)
  add_compile_options(-fsanitize=${FLYBALL_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${FLYBALL_SANITIZE})
endif()

option(FLYBALL_HARDEN "PIE, RELRO, stack protector and FORTIFY_SOURCE" OFF)
if(FLYBALL_HARDEN)
  include(CheckPIESupported)
  check_pie_supported(LANGUAGES C)
  add_compile_options(-D_FORTIFY_SOURCE=2 -fstack-protector-strong)
  add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
endif()
