terraform {
  # Validations that look at more than their own variable.
  required_version = ">= 1.9"
}
