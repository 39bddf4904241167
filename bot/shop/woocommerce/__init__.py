"""The shop system WooCommerce, by its REST API (v3). docs/woocommerce.md says what it can and cannot do."""
